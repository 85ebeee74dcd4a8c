package warts2parquet

import (
	"bufio"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
)

// mostMemory is what a run may take, in bytes, with two tables and the usual row groups.
const mostMemory = 100 << 20

// Memory does not grow with the input: both tables are at their largest after the first row groups.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mixed.warts")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	w := warts.NewWriter(out)
	rng := rand.New(rand.NewPCG(1, 2))
	list := &warts.List{Name: "default"}
	cycle := &warts.Cycle{List: list, Start: 1_700_000_000}
	random := func() warts.Addr {
		return warts.AddrFrom(netip.AddrFrom4([4]byte{10, byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}))
	}
	at := warts.Time{Sec: cycle.Start}
	for range 4 * otherGroup {
		at = at.Add(time.Millisecond)
		trace := &warts.Trace{List: list, Cycle: cycle, Src: random(), Dst: random(), Start: at, HopCount: 16}
		for ttl := range trace.HopCount {
			trace.Probes = append(trace.Probes, warts.TraceProbe{
				TTL: uint8(ttl + 1), Size: 44, TX: at,
				Replies: []warts.TraceReply{{
					Addr: random(), RTT: time.Duration(rng.IntN(200_000)) * time.Microsecond, IPID: uint16(rng.Uint32()),
					ICMPType: 11, Size: 56,
				}},
			})
		}
		ping := &warts.Ping{
			List: list, Cycle: cycle, Src: random(), Dst: random(), Start: at, Sent: 1,
			Probes: []warts.PingProbe{{TX: at, Replies: []warts.PingReply{{Addr: random(), RTT: time.Millisecond}}}},
		}
		for _, rec := range []warts.Record{trace, ping} {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testkit.BuildCommand(t, "scamper/cmd/sc_warts2parquet"), "-o", dir, file)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if most := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10; most > mostMemory {
		t.Errorf("%d bytes of memory, want %d at most", most, mostMemory)
	} else {
		t.Logf("%.1f MB", float64(most)/1e6)
	}
}
