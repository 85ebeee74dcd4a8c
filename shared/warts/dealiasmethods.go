package warts

import "time"

// dealiasMethod is how the parameters of a method are read and written. Read returns the number of definitions.
type dealiasMethod struct {
	read  func(*decoder, *Dealias) uint32
	write func(*body, *Dealias)
	defs  func(n int) bool // whether it can have n probe definitions
}

// dealiasMethodsTable has the methods in the order of their numbers.
var dealiasMethodsTable = [...]dealiasMethod{
	DealiasMercator: {
		func(d *decoder, x *Dealias) uint32 {
			x.Mercator = new(DealiasMercatorParams)
			dealiasMercatorParams.read(d, x.Mercator)
			return 1
		},
		func(e *body, x *Dealias) { writeMethod(e, dealiasMercatorParams, x.Mercator) },
		func(n int) bool { return n == 1 },
	},
	DealiasAlly: {
		func(d *decoder, x *Dealias) uint32 {
			x.Ally = new(DealiasAllyParams)
			dealiasAllyParams.read(d, x.Ally)
			return 2
		},
		func(e *body, x *Dealias) { writeMethod(e, dealiasAllyParams, x.Ally) },
		func(n int) bool { return n == 2 },
	},
	DealiasRadarGun: {
		func(d *decoder, x *Dealias) uint32 {
			x.RadarGun = new(DealiasRadarGunParams)
			return readMethod(d, dealiasRadarGunParams, x.RadarGun, true)
		},
		func(e *body, x *Dealias) { writeMethodDefs(e, dealiasRadarGunParams, x.RadarGun, x) },
		func(n int) bool { return n >= 1 },
	},
	DealiasPrefixScan: {
		func(d *decoder, x *Dealias) uint32 {
			x.PrefixScan = &DealiasPrefixScanParams{Replies: dealiasPrefixScanReplies}
			return readMethod(d, dealiasPrefixScanParams, x.PrefixScan, false)
		},
		func(e *body, x *Dealias) { writeMethodDefs(e, dealiasPrefixScanParams, x.PrefixScan, x) },
		func(n int) bool { return n <= 0xffff },
	},
	DealiasBump: {
		func(d *decoder, x *Dealias) uint32 {
			x.Bump = new(DealiasBumpParams)
			dealiasBumpParams.read(d, x.Bump)
			return 2
		},
		func(e *body, x *Dealias) { writeMethod(e, dealiasBumpParams, x.Bump) },
		func(n int) bool { return n == 2 },
	},
	DealiasMidarEst: {
		func(d *decoder, x *Dealias) uint32 {
			x.MidarEst = new(DealiasMidarEstParams)
			return readMethod(d, dealiasMidarEstParams, x.MidarEst, true)
		},
		func(e *body, x *Dealias) { writeMethodDefs(e, dealiasMidarEstParams, x.MidarEst, x) },
		func(n int) bool { return n >= 1 && n <= 0xffff },
	},
	DealiasMidarDisc: {
		func(d *decoder, x *Dealias) uint32 {
			x.MidarDisc = new(DealiasMidarDiscParams)
			return readMethod(d, dealiasMidarDiscParams, x.MidarDisc, true)
		},
		func(e *body, x *Dealias) { writeMethodDefs(e, dealiasMidarDiscParams, x.MidarDisc, x) },
		func(n int) bool { return n >= 1 },
	},
}

// readDealiasMethod decodes the parameters of the method and returns the number of probe definitions that follow.
func (d *decoder) readDealiasMethod(x *Dealias) (defs uint32, known bool) {
	if x.Method == 0 || int(x.Method) >= len(dealiasMethodsTable) {
		return 0, false
	}
	if x.Method == DealiasPrefixScan {
		defer d.swapExcluded()()
	}
	return dealiasMethodsTable[x.Method].read(d, x), true
}

// writeDealiasMethod appends the parameters of the method.
func (e *body) writeDealiasMethod(x *Dealias) {
	if x.Method == 0 || int(x.Method) >= len(dealiasMethodsTable) {
		if !x.Kept.read() {
			e.fail("method", errRange)
		}
		return
	}
	m := &dealiasMethodsTable[x.Method]
	if !m.defs(len(x.ProbeDefs)) {
		e.fail("number of probe definitions", errRange)
	}
	m.write(e, x)
}

// methodRec is the parameters of a method with the number of probe definitions.
type methodRec[T any] struct {
	params *T
	defs   uint32
}

func readMethod[T any](d *decoder, t *table[methodRec[T]], params *T, needed bool) uint32 {
	at := d.pos
	rec := methodRec[T]{params: params}
	t.read(d, &rec)
	if d.err == nil && needed && rec.defs == 0 {
		d.failAt(at, t.name+": number of probe definitions", errValue)
	}
	return rec.defs
}

func writeMethod[T any](e *body, t *table[T], params *T) {
	if params == nil {
		e.fail("parameters of the method", errValue)
		return
	}
	t.write(e, params)
}

func writeMethodDefs[T any](e *body, t *table[methodRec[T]], params *T, x *Dealias) {
	if params == nil {
		e.fail("parameters of the method", errValue)
		return
	}
	t.write(e, &methodRec[T]{params, uint32(len(x.ProbeDefs))})
}

var dealiasMercatorParams = newTable("mercator", func(m *DealiasMercatorParams) *Kept { return &m.Kept },
	u8(1, "attempts", func(m *DealiasMercatorParams) *uint8 { return &m.Attempts }),
	wait8(2, "wait", time.Second, func(m *DealiasMercatorParams) *time.Duration { return &m.Wait }),
)

var dealiasAllyParams = newTable("ally", func(m *DealiasAllyParams) *Kept { return &m.Kept },
	wait16(1, "wait-probe", time.Millisecond, func(m *DealiasAllyParams) *time.Duration { return &m.WaitProbe }),
	wait8(2, "wait", time.Second, func(m *DealiasAllyParams) *time.Duration { return &m.Wait }),
	u8(3, "attempts", func(m *DealiasAllyParams) *uint8 { return &m.Attempts }),
	u16(4, "fudge", func(m *DealiasAllyParams) *uint16 { return &m.Fudge }).nonzero(),
	u8(5, "flags", func(m *DealiasAllyParams) *DealiasFlags { return &m.Flags }).nonzero(),
)

type radarGunRec = methodRec[DealiasRadarGunParams]

var dealiasRadarGunParams = newTable("radargun", func(m *radarGunRec) *Kept { return &m.params.Kept },
	u32(1, "number of probe definitions", func(m *radarGunRec) *uint32 { return &m.defs }),
	u16(2, "rounds", func(m *radarGunRec) *uint16 { return &m.params.Rounds }),
	wait16(3, "wait-probe", time.Millisecond, func(m *radarGunRec) *time.Duration { return &m.params.WaitProbe }),
	wait32(4, "wait-round", time.Millisecond, func(m *radarGunRec) *time.Duration { return &m.params.WaitRound }),
	wait8(5, "wait", time.Second, func(m *radarGunRec) *time.Duration { return &m.params.Wait }),
	u8(6, "flags", func(m *radarGunRec) *DealiasFlags { return &m.params.Flags }).nonzero(),
)

type prefixScanRec = methodRec[DealiasPrefixScanParams]

// dealiasPrefixScanReplies is the number of replies required if the record doesn't say.
const dealiasPrefixScanReplies = 5

var dealiasPrefixScanParams = newTable("prefixscan", func(m *prefixScanRec) *Kept { return &m.params.Kept },
	addr(1, "a", func(m *prefixScanRec) *Addr { return &m.params.A }),
	addr(2, "b", func(m *prefixScanRec) *Addr { return &m.params.B }),
	addr(3, "ab", func(m *prefixScanRec) *Addr { return &m.params.AB }),
	param[prefixScanRec]{
		n: 4, name: "excluded addresses",
		read: func(d *decoder, m *prefixScanRec) {
			v := d.u16()
			if d.swapped {
				v = v>>8 | v<<8
			}
			m.params.Exclude = d.addrList(d.count(uint32(v), 5))
		},
		write: func(e *body, m *prefixScanRec) {
			e.length16("excluded addresses", len(m.params.Exclude))
			for _, a := range m.params.Exclude {
				e.addr(a)
			}
		},
		absent: func(m *prefixScanRec) bool { return len(m.params.Exclude) == 0 },
	}.nonzero(),
	u8(5, "prefix length", func(m *prefixScanRec) *uint8 { return &m.params.PrefixLen }),
	u8(6, "attempts", func(m *prefixScanRec) *uint8 { return &m.params.Attempts }),
	u16(7, "fudge", func(m *prefixScanRec) *uint16 { return &m.params.Fudge }),
	wait16(8, "wait-probe", time.Millisecond, func(m *prefixScanRec) *time.Duration { return &m.params.WaitProbe }),
	wait8(9, "wait", time.Second, func(m *prefixScanRec) *time.Duration { return &m.params.Wait }),
	param[prefixScanRec]{
		n: 10, name: "number of probe definitions",
		read:   func(d *decoder, m *prefixScanRec) { m.defs = uint32(d.u16()) },
		write:  func(e *body, m *prefixScanRec) { e.length16("probe definitions", int(m.defs)) },
		absent: func(m *prefixScanRec) bool { return m.defs == 0 },
	}.nonzero(),
	u8(11, "flags", func(m *prefixScanRec) *DealiasFlags { return &m.params.Flags }).nonzero(),
	u8(12, "replies", func(m *prefixScanRec) *uint8 { return &m.params.Replies }).
		otherwise(func(m *prefixScanRec) bool { return m.params.Replies == dealiasPrefixScanReplies }).nonzero(),
)

// swapExcluded finds out whether the number of excluded addresses in the prefixscan block at hand has its bytes in the
// wrong order, as scamper 20211212 writes it on most machines: as it stands the block can't be read, but with the bytes
// swapped it can and ends where its length says. The function that it returns is to be called after the block was read.
func (d *decoder) swapExcluded() func() {
	fits := func(swapped bool) bool {
		probe := decoder{file: d.file, buf: d.buf, pos: d.pos, end: d.end, swapped: swapped}
		probe.addrs = append(probe.addrs, d.addrs...)
		rec := prefixScanRec{params: new(DealiasPrefixScanParams)}
		dealiasPrefixScanParams.read(&probe, &rec)
		if probe.err != nil {
			return false
		}
		k := &rec.params.Kept
		return !swapped || k.has(4) && (k.more == nil || len(k.more.params) == 0)
	}
	d.swapped = !fits(false) && fits(true)
	return func() { d.swapped = false }
}

var dealiasBumpParams = newTable("bump", func(m *DealiasBumpParams) *Kept { return &m.Kept },
	wait16(1, "wait-probe", time.Millisecond, func(m *DealiasBumpParams) *time.Duration { return &m.WaitProbe }),
	u16(2, "limit", func(m *DealiasBumpParams) *uint16 { return &m.Limit }),
	u8(3, "attempts", func(m *DealiasBumpParams) *uint8 { return &m.Attempts }),
)

type midarEstRec = methodRec[DealiasMidarEstParams]

var dealiasMidarEstParams = newTable("midarest", func(m *midarEstRec) *Kept { return &m.params.Kept },
	param[midarEstRec]{
		n: 1, name: "number of probe definitions",
		read:   func(d *decoder, m *midarEstRec) { m.defs = uint32(d.u16()) },
		write:  func(e *body, m *midarEstRec) { e.length16("probe definitions", int(m.defs)) },
		absent: func(m *midarEstRec) bool { return m.defs == 0 },
	},
	u8(2, "rounds", func(m *midarEstRec) *uint8 { return &m.params.Rounds }),
	wait32(3, "wait-probe", time.Microsecond, func(m *midarEstRec) *time.Duration { return &m.params.WaitProbe }),
	wait32(4, "wait-round", time.Microsecond, func(m *midarEstRec) *time.Duration { return &m.params.WaitRound }),
	wait32(5, "wait", time.Microsecond, func(m *midarEstRec) *time.Duration { return &m.params.Wait }),
)

type midarDiscRec = methodRec[DealiasMidarDiscParams]

var dealiasMidarDiscParams = newTable("midardisc", func(m *midarDiscRec) *Kept { return &m.params.Kept },
	u32(1, "number of probe definitions", func(m *midarDiscRec) *uint32 { return &m.defs }),
	wait32(2, "wait", time.Microsecond, func(m *midarDiscRec) *time.Duration { return &m.params.Wait }),
	param[midarDiscRec]{
		n: 3, name: "schedule",
		read: func(d *decoder, m *midarDiscRec) {
			const size = 16
			rounds := make([]DealiasRound, d.count(d.u32(), size))
			for i := range rounds {
				rounds[i] = DealiasRound{Start: d.time(), Begin: d.u32(), End: d.u32()}
			}
			m.params.Schedule = rounds
		},
		write: func(e *body, m *midarDiscRec) {
			e.u32(uint32(len(m.params.Schedule)))
			for _, r := range m.params.Schedule {
				e.time(r.Start)
				e.u32(r.Begin)
				e.u32(r.End)
			}
		},
		absent: func(m *midarDiscRec) bool { return len(m.params.Schedule) == 0 },
	}.nonzero(),
	moment(4, "start at", func(m *midarDiscRec) *Time { return &m.params.StartAt }).nonzero(),
)
