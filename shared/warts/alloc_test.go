package warts

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"
)

// TestWriteAllocs holds that pings and traces are written without allocating.
func TestWriteAllocs(t *testing.T) {
	for _, rec := range []Record{enginePing(), engineTrace()} {
		w := NewWriter(io.Discard)
		n := testing.AllocsPerRun(1000, func() {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations per record, want 0", rec.Type(), n)
		}
	}
}

// TestReadAllocs holds how much reading allocates.
func TestReadAllocs(t *testing.T) {
	for _, tt := range []struct {
		rec   Record
		reuse bool
		max   float64
	}{
		{enginePing(), false, 3}, // ping, probes, replies
		{enginePing(), true, 0},
		{engineTrace(), true, 10}, // a slice of extensions for each hop
	} {
		r := repeatedReader(t, tt.rec, 2000)
		r.Reuse = tt.reuse
		n := testing.AllocsPerRun(1000, func() {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		})
		if n > tt.max {
			t.Errorf("%s, reuse %v: %v allocations per record, want at most %v", tt.rec.Type(), tt.reuse, n, tt.max)
		}
	}
}

// TestReuse holds that what is read with Reuse is what is read without, at the time.
func TestReuse(t *testing.T) {
	for name, data := range testFiles(t) {
		plain, reused := NewReader(bytes.NewReader(data)), NewReader(bytes.NewReader(data))
		reused.Reuse = true
		var enc1, enc2 Encoder
		for {
			a, err1 := plain.Next()
			b, err2 := reused.Next()
			if (err1 == nil) != (err2 == nil) {
				t.Fatalf("%s: %v and %v", name, err1, err2)
			}
			if err1 != nil {
				break
			}
			x, err1 := enc1.Append(nil, a)
			y, err2 := enc2.Append(nil, b)
			if !bytes.Equal(x, y) || (err1 == nil) != (err2 == nil) {
				t.Errorf("%s: %s record at %d differs with Reuse", name, a.Type(), plain.Offset())
			}
		}
	}
}

// TestHostileMemory holds that what a record claims to have doesn't cost memory that its bytes don't justify.
func TestHostileMemory(t *testing.T) {
	record := func(typ Type, length uint32, body string) []byte {
		b := header(nil, typ)
		binary.BigEndian.PutUint32(b[4:], length)
		return append(b, unhex(t, body)...)
	}
	tests := map[string][]byte{
		"length":        record(TypePing, 0xfffffff0, "00"),
		"length, list":  record(TypeList, 0xffffffff, ""),
		"length, other": record(99, 0xffffffff, ""),
		"ping replies":  record(TypePing, 20, "80 80 40 0006 04 01 c0000201 ffff 000000000000000000"),
		"trace hops":    record(TypeTrace, 20, "80 80 80 20 0006 04 01 c0000201 ffff 0000000000000000"),
		"dealias probes": record(TypeDealias, 12,
			"28 0005 04 ffffffff 00000000"),
		"sniff packets":  record(TypeSniff, 21, "88 04 000a 04 01 c0000201 ffffffff 0000000000"),
		"owamp slots":    record(TypeOWAMP, 12, "80 08 0004 ffffffff 000000"),
		"owamp packets":  record(TypeOWAMP, 12, "80 80 80 01 0004 ffffffff"),
		"http buffers":   record(TypeHTTP, 12, "80 40 0004 ffffffff 00000000"),
		"tracelb nodes":  record(TypeTracelb, 20, "80 80 06 01 000a ffff ffff 04 01 c0000201 0000"),
		"midar schedule": record(TypeDealias, 30, "08 0001 07 05 0008 00000001 ffffffff 00000000000000000000000000000000"),
	}
	for name, data := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := NewReader(bytes.NewReader(data))
		r.Resync = name == "length"
		var err error
		for _, e := range r.All() {
			if e != nil {
				err = e
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 200<<10 {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, used, len(data))
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
