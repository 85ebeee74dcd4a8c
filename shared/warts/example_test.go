package warts_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"scamper/shared/warts"
)

// Count the hops of each trace in a file, and how many of them answered.
func Example_countHops() {
	f, err := warts.Open("testdata/mixed-26.warts")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	f.Want = []warts.Type{warts.TypeTrace}
	for rec, err := range f.All() {
		if err != nil {
			log.Fatal(err)
		}
		t := rec.(*warts.Trace)
		var answered [256]bool
		n := 0
		for _, p := range t.Probes {
			if !answered[p.TTL] {
				answered[p.TTL] = true
				n++
			}
		}
		fmt.Printf("%s: %d hops, %d answered, %s\n", t.Dst, t.HopCount, n, t.StopReason)
	}
	// Output:
	// 2001:db8:a2::31: 7 hops, 7 answered, completed
	// 198.18.5.1: 4 hops, 4 answered, completed
	// 198.51.100.1: 9 hops, 8 answered, completed
}

// List the MPLS label stacks along the paths of a file.
func Example_mplsPaths() {
	f, err := warts.Open("testdata/trace-mpls-v4-26.warts")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for rec, err := range f.All() {
		if err != nil {
			log.Fatal(err)
		}
		t, ok := rec.(*warts.Trace)
		if !ok {
			continue
		}
		fmt.Println(t.Src, "to", t.Dst)
		for _, p := range t.Probes {
			for _, r := range p.Replies {
				var labels []string
				for _, ext := range r.Exts {
					for _, m := range ext.Labels() {
						labels = append(labels, fmt.Sprint(m.Label))
					}
				}
				if len(labels) > 0 {
					fmt.Printf("  hop %d %s: %s\n", p.TTL, r.Addr, strings.Join(labels, " "))
				}
			}
		}
	}
	// Output:
	// 192.0.2.7 to 198.51.100.31
	//   hop 4 198.18.41.1: 3
	//   hop 5 198.18.42.1: 3 10 17 24
	//   hop 6 198.18.43.1: 3 10 17 24 31 38 45 52
	// 192.0.2.7 to 198.51.100.31
	//   hop 4 198.18.41.1: 3
	//   hop 4 198.18.41.1: 3
	//   hop 5 198.18.42.1: 3 10 17 24
	//   hop 5 198.18.42.1: 3 10 17 24
	//   hop 6 198.18.43.1: 3 10 17 24 31 38 45 52
	//   hop 6 198.18.43.1: 3 10 17 24 31 38 45 52
	// 192.0.2.7 to 198.51.100.31
	//   hop 4 198.18.41.1: 3
	//   hop 5 198.18.42.1: 3 10 17 24
	//   hop 6 198.18.43.1: 3 10 17 24 31 38 45 52
	// 192.0.2.7 to 198.51.100.31
	//   hop 4 198.18.41.1: 3
	//   hop 5 198.18.42.1: 3 10 17 24
	//   hop 6 198.18.43.1: 3 10 17 24 31 38 45 52
}

// Merge files into one, in the order of the measurements' start. Lists and cycles that are equal become one.
func Example_merge() {
	var recs []warts.Record
	for _, name := range []string{"testdata/pair-hand.warts", "testdata/pair-hand2.warts"} {
		f, err := warts.Open(name)
		if err != nil {
			log.Fatal(err)
		}
		for rec, err := range f.All() {
			if err != nil {
				log.Fatal(err)
			}
			recs = append(recs, rec)
		}
		f.Close()
	}
	var out bytes.Buffer // or a file
	w := warts.NewWriter(&out)
	var stops []warts.Record
	start := func(r warts.Record) warts.Time {
		switch r := r.(type) {
		case *warts.Trace:
			return r.Start
		case *warts.Ping:
			return r.Start
		case *warts.Tracelb:
			return r.Start
		case *warts.Dealias:
			return r.Start
		}
		return warts.Time{} // lists and cycles come first
	}
	slices.SortStableFunc(recs, func(a, b warts.Record) int { return start(a).Compare(start(b)) })
	for _, rec := range recs {
		if c, ok := rec.(*warts.Cycle); ok && c.Kind == warts.CycleStop {
			stops = append(stops, rec)
			continue
		}
		if err := w.Write(rec); err != nil && !errors.Is(err, warts.ErrDuplicateCycle) {
			log.Fatal(err)
		}
	}
	for _, rec := range stops {
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	for rec, err := range warts.NewReader(&out).All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Type())
	}
	// Output:
	// list
	// cycle-start
	// list
	// cycle-start
	// trace
	// trace
	// tracelb
	// dealias
	// ping
	// trace
	// ping
	// cycle-stop
	// cycle-stop
}

// Write the result of a ping.
func ExampleWriter() {
	list := &warts.List{Name: "default"}
	cycle := &warts.Cycle{List: list, ID: 1, Start: uint32(time.Now().Unix())}
	dst := warts.AddrFrom(netip.MustParseAddr("192.0.2.1"))
	ping := &warts.Ping{
		List: list, Cycle: cycle, Dst: dst, Start: warts.TimeOf(time.Now()), StopReason: warts.PingStopCompleted,
		ProbeCount: 1, Sent: 1, Size: 84, TTL: 64, Wait: time.Second, Timeout: time.Second,
		Probes: []warts.PingProbe{{Replies: []warts.PingReply{{
			Addr: dst, RTT: 1500 * time.Microsecond, Size: 84, Proto: 1, TTL: 61, Flags: warts.PingReplyTTL,
		}}}},
	}
	f, err := os.CreateTemp("", "warts")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	w := warts.NewWriter(f)
	for _, rec := range []warts.Record{
		cycle, // its list comes before it
		ping,
		&warts.Cycle{Kind: warts.CycleStop, List: list, ID: 1, Start: cycle.Start, Stop: uint32(time.Now().Unix())},
	} {
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := warts.Open(f.Name())
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for rec, err := range r.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Type())
	}
	// Output:
	// list
	// cycle-start
	// ping
	// cycle-stop
}

// Change records on their way from one file to another: here, the name of the monitor is removed.
func ExampleReader() {
	in, err := os.ReadFile("testdata/trace-ids-v4-26.warts")
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	w := warts.NewWriter(&out)
	for rec, err := range warts.NewReader(bytes.NewReader(in)).All() {
		if err != nil {
			log.Fatal(err) // a *warts.ReadError: where the file is damaged
		}
		if list, ok := rec.(*warts.List); ok {
			list.Monitor = "" // before the first record that refers to it is written
		}
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(bytes.Contains(in, []byte("mon.example")), bytes.Contains(out.Bytes(), []byte("mon.example")))
	// Output: true false
}
