package pack

import (
	"slices"
)

// Symbols of the second run-length encoding: a run of zeros is a number whose digits are runA (1) and runB (2), the
// lowest first, in base 2.
const (
	runA = 0
	runB = 1
)

// Limits of the coding tables.
const (
	groupSize  = 50 // symbols that share a table
	maxTables  = 6
	maxCodeLen = 17
	rounds     = 4 // of choosing the best table for each group and fitting the tables to their groups
)

// writeSymbols writes the transformed bytes: which bytes occur, the coding tables, and the coded symbols.
func writeSymbols(b *bitWriter, data []byte) {
	used := writeUsed(b, data)
	symbols, alphabet := toSymbols(data, used)
	tables, selectors := fitTables(symbols, alphabet)

	b.write(3, uint64(len(tables)))
	b.write(15, uint64(len(selectors)))
	writeSelectors(b, selectors, len(tables))
	for _, lengths := range tables {
		writeTable(b, lengths)
	}
	codes := make([][]uint32, len(tables))
	for i, lengths := range tables {
		codes[i] = canonical(lengths)
	}
	for i, s := range symbols {
		t := selectors[i/groupSize]
		b.write(uint(tables[t][s]), uint64(codes[t][s]))
	}
}

// writeUsed writes which bytes occur, as a map of 16 maps, and returns them in order.
func writeUsed(b *bitWriter, data []byte) []byte {
	var occurs [256]bool
	for _, c := range data {
		occurs[c] = true
	}
	var used []byte
	var maps [16]uint64
	var which uint64
	for c := range 256 {
		if occurs[c] {
			used = append(used, byte(c))
			maps[c/16] |= 1 << (15 - c%16)
			which |= 1 << (15 - c/16)
		}
	}
	b.write(16, which)
	for _, m := range maps {
		if m != 0 {
			b.write(16, m)
		}
	}
	return used
}

// toSymbols moves each byte to the front of the list of used ones, so that bytes become their places in the list, and
// encodes runs of place 0. The last symbol is the end of the block.
func toSymbols(data, used []byte) (symbols []uint16, alphabet int) {
	list := slices.Clone(used)
	end := uint16(len(used) + 1)
	zeros := 0
	flush := func() {
		for ; zeros > 0; zeros = (zeros - 1) / 2 {
			if zeros%2 == 1 {
				symbols = append(symbols, runA)
			} else {
				symbols = append(symbols, runB)
			}
		}
	}
	for _, c := range data {
		place := slices.Index(list, c)
		if place == 0 {
			zeros++
			continue
		}
		flush()
		symbols = append(symbols, uint16(place+1))
		copy(list[1:], list[:place])
		list[0] = c
	}
	flush()
	return append(symbols, end), int(end) + 1
}

// fitTables finds code lengths for up to six tables, and which of them each group of symbols is coded with.
func fitTables(symbols []uint16, alphabet int) (tables [][]uint8, selectors []uint8) {
	n := 2
	for _, limit := range []int{200, 600, 1200, 2400} {
		if len(symbols) >= limit {
			n++
		}
	}
	tables = firstTables(symbols, alphabet, n)
	selectors = make([]uint8, (len(symbols)+groupSize-1)/groupSize)
	for range rounds {
		counts := make([][]int, n)
		for t := range counts {
			counts[t] = make([]int, alphabet)
		}
		for g := range selectors {
			group := symbols[g*groupSize : min((g+1)*groupSize, len(symbols))]
			best, bestCost := 0, int(^uint(0)>>1)
			for t, lengths := range tables {
				cost := 0
				for _, s := range group {
					cost += int(lengths[s])
				}
				if cost < bestCost {
					best, bestCost = t, cost
				}
			}
			selectors[g] = uint8(best)
			for _, s := range group {
				counts[best][s]++
			}
		}
		for t := range tables {
			tables[t] = codeLengths(counts[t])
		}
	}
	return tables, selectors
}

// firstTables divides the alphabet into ranges that occur about equally often; each table is good for one range.
func firstTables(symbols []uint16, alphabet, n int) [][]uint8 {
	counts := make([]int, alphabet)
	for _, s := range symbols {
		counts[s]++
	}
	const cheap, dear = 0, 15
	tables := make([][]uint8, n)
	left, from := len(symbols), 0
	for t := range tables {
		share := left / (n - t)
		to, sum := from, 0
		for to < alphabet && (sum < share || t == n-1) {
			sum += counts[to]
			to++
		}
		lengths := make([]uint8, alphabet)
		for s := range lengths {
			lengths[s] = dear
			if s >= from && s < to {
				lengths[s] = cheap
			}
		}
		tables[t] = lengths
		left -= sum
		from = to
	}
	return tables
}

// codeLengths returns the lengths of Huffman codes for symbols that occur so often, none above maxCodeLen. A symbol that
// doesn't occur has a code too.
func codeLengths(counts []int) []uint8 {
	weights := make([]int, len(counts))
	for s, c := range counts {
		weights[s] = max(c, 1)
	}
	for {
		lengths := huffman(weights)
		if slices.Max(lengths) <= maxCodeLen {
			return lengths
		}
		for s := range weights {
			weights[s] = weights[s]/2 + 1
		}
	}
}

// huffman returns the code lengths of a Huffman tree. Leaves and inner nodes are two queues sorted by weight; the next
// inner node joins the two lightest of their heads.
func huffman(weights []int) []uint8 {
	n := len(weights)
	leaves := make([]int, n)
	for i := range leaves {
		leaves[i] = i
	}
	slices.SortStableFunc(leaves, func(a, b int) int { return weights[a] - weights[b] })
	nodes := append(make([]int, 0, 2*n), weights...) // weights of leaves, then of inner nodes
	parent := make([]int, 2*n)
	leaf, inner := 0, n
	lightest := func() int {
		if leaf < n && (inner == len(nodes) || nodes[leaves[leaf]] <= nodes[inner]) {
			leaf++
			return leaves[leaf-1]
		}
		inner++
		return inner - 1
	}
	for len(nodes) < 2*n-1 {
		a := lightest()
		b := lightest()
		parent[a], parent[b] = len(nodes), len(nodes)
		nodes = append(nodes, nodes[a]+nodes[b])
	}
	depth := make([]uint8, 2*n)
	for i := len(nodes) - 2; i >= 0; i-- {
		depth[i] = depth[parent[i]] + 1
	}
	return depth[:n]
}

// canonical assigns codes to lengths: shorter ones first, then by symbol.
func canonical(lengths []uint8) []uint32 {
	codes := make([]uint32, len(lengths))
	code := uint32(0)
	for length := uint8(1); length <= slices.Max(lengths); length++ {
		for s, l := range lengths {
			if l == length {
				codes[s] = code
				code++
			}
		}
		code <<= 1
	}
	return codes
}

// writeSelectors writes which table each group has: its place in a list in which used tables move to the front, in
// unary.
func writeSelectors(b *bitWriter, selectors []uint8, tables int) {
	list := make([]uint8, tables)
	for i := range list {
		list[i] = uint8(i)
	}
	for _, s := range selectors {
		place := slices.Index(list, s)
		copy(list[1:], list[:place])
		list[0] = s
		for range place {
			b.write(1, 1)
		}
		b.write(1, 0)
	}
}

// writeTable writes code lengths as the steps from one to the next.
func writeTable(b *bitWriter, lengths []uint8) {
	at := lengths[0]
	b.write(5, uint64(at))
	for _, l := range lengths {
		for ; at < l; at++ {
			b.write(2, 0b10)
		}
		for ; at > l; at-- {
			b.write(2, 0b11)
		}
		b.write(1, 0)
	}
}
