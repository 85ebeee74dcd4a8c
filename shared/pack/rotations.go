package pack

// rotationSorter does the Burrows-Wheeler transform: it sorts the rotations of a block by doubling the length of the
// prefix by which they are sorted, so that no block takes it long.
type rotationSorter struct {
	order, next []int32 // rotations by their beginnings
	rank, ranks []int32 // of the rotation that begins at each byte
	counts      []int32
	last        []byte
}

// transform returns the last bytes of the sorted rotations, and which of them is the block itself. The result is valid
// until the next call.
func (s *rotationSorter) transform(block []byte) (last []byte, origin int) {
	n := len(block)
	s.grow(n)
	classes := s.byFirstByte(block)
	for k := 1; k < n && classes < n; k *= 2 {
		classes = s.double(k, classes)
	}
	s.last = s.last[:0]
	for i, begin := range s.order {
		if begin == 0 {
			origin = i
			begin = int32(n)
		}
		s.last = append(s.last, block[begin-1])
	}
	return s.last, origin
}

func (s *rotationSorter) grow(n int) {
	if cap(s.order) < n {
		s.order, s.next = make([]int32, n), make([]int32, n)
		s.rank, s.ranks = make([]int32, n), make([]int32, n)
		s.counts = make([]int32, max(n, 256)+1)
	}
	s.order, s.next, s.rank, s.ranks = s.order[:n], s.next[:n], s.rank[:n], s.ranks[:n]
}

// byFirstByte sorts by the first byte and returns how many there are.
func (s *rotationSorter) byFirstByte(block []byte) (classes int) {
	counts := s.counts[:257]
	clear(counts)
	for _, c := range block {
		counts[int(c)+1]++
	}
	var class [256]int32
	for c := range 256 {
		class[c] = int32(classes)
		if counts[c+1] > 0 {
			classes++
		}
		counts[c+1] += counts[c]
	}
	for i, c := range block {
		s.order[counts[c]] = int32(i)
		counts[c]++
		s.rank[i] = class[c]
	}
	return classes
}

// double sorts by 2k bytes what is sorted by k, and returns how many different beginnings there are.
func (s *rotationSorter) double(k, classes int) int {
	n := len(s.order)
	// By the second half the rotations are sorted already: they are those before the sorted ones.
	for i, begin := range s.order {
		before := int(begin) - k
		if before < 0 {
			before += n
		}
		s.next[i] = int32(before)
	}
	counts := s.counts[:classes+1]
	clear(counts)
	for _, r := range s.rank {
		counts[r+1]++
	}
	for i := 1; i <= classes; i++ {
		counts[i] += counts[i-1]
	}
	for _, begin := range s.next {
		r := s.rank[begin]
		s.order[counts[r]] = begin
		counts[r]++
	}
	half := func(begin int32) int32 {
		at := int(begin) + k
		if at >= n {
			at -= n
		}
		return s.rank[at]
	}
	class := int32(0)
	s.ranks[s.order[0]] = 0
	for i := 1; i < n; i++ {
		a, b := s.order[i-1], s.order[i]
		if s.rank[a] != s.rank[b] || half(a) != half(b) {
			class++
		}
		s.ranks[b] = class
	}
	s.rank, s.ranks = s.ranks, s.rank
	return int(class) + 1
}
