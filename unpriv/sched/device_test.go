package sched

import (
	"fmt"
	"testing"
	"time"

	"scamper/unpriv/netio"
)

// Packets that the device never takes count as sent, and hold nobody up for longer than one of them may take; a device
// that has room again in time loses nothing.
func TestDeviceDrops(t *testing.T) {
	b := newBench(t, 10_000, 0)
	transmit, dropping := b.port.Transmit, time.Duration(0)
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		now := at.Time().Sub(time.Unix(1_700_000_000, 0))
		if string(p.Data) == "large" || string(p.Data) == "slow" && now < dropping {
			return netio.ErrDevice
		}
		return transmit(p, at)
	}
	dropping = devicePatience / 2
	large := []*sender{{b: b, name: "large", count: 3}, {b: b, name: "large", count: 1}}
	b.add(&sender{b: b, name: "slow", count: 1}, large[0])
	for i := range 20 {
		b.add(&sender{b: b, name: fmt.Sprint(i), count: 1})
	}
	b.add(large[1])
	b.run()
	if s := b.sched.Stats; s.Sent != 25 || s.Lost != 4 || s.Refused != 0 || s.Full == 0 {
		t.Errorf("%+v", s)
	}
	for _, m := range large {
		if len(m.errs) != 0 || len(m.stamps) != m.count {
			t.Errorf("stamps %v, errors %v", m.stamps, m.errs)
		}
	}
	if len(b.sent) != 21 || b.sent[0].data != "slow" || b.sent[0].at < dropping {
		t.Fatalf("sent: %v", b.sent)
	}
	if last := b.sent[len(b.sent)-1].at; last > dropping+5*devicePatience {
		t.Errorf("the last packet left at %v", last)
	}
}

func TestRelayDeviceDrops(t *testing.T) {
	p := &splitPort{drop: map[string]bool{"m7": true}}
	b := newRelayBench(t, p)
	const tasks, each = 40, 3
	var lost *sender
	for i := range tasks {
		m := &sender{b: b, name: fmt.Sprintf("m%d", i), count: each, sigs: echo("192.0.2.1", uint16(i))}
		if i == 7 {
			lost = m
		}
		b.add(m)
	}
	b.run()
	if s := b.sched.Stats; s.Sent != tasks*each || s.Lost != each || s.Full == 0 || p.count() != (tasks-1)*each {
		t.Errorf("%+v, %d taken", s, p.count())
	}
	if len(lost.errs) != 0 || len(lost.stamps) != each || lost.stamps[0] == 0 {
		t.Errorf("stamps %v, errors %v", lost.stamps, lost.errs)
	}
}
