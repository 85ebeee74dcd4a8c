package technique

import (
	"net/netip"
	"testing"

	"scamper/shared/option"
)

type waitOptions struct {
	wait int64
	port int
	v6   bool
}

var waitCommands = Commands[waitOptions]{
	Table: &option.Table[waitOptions]{
		Word: "wait", Missing: "expected address",
		Rows: []option.Row[waitOptions]{{
			Option: option.Option{Letter: 'w', Arg: "n", Name: "wait", Class: option.Number, Kind: option.Int, Max: 10},
			Set:    func(o *waitOptions, v option.Value) { o.wait = v.Int },
		}},
	},
	New: func() *waitOptions { return &waitOptions{wait: 5} },
	Alone: []option.Check[waitOptions]{{
		Fails: func(o *waitOptions, _ option.Letters) bool { return o.wait == 7 }, Text: "never seven",
	}},
	Complete: func(o *waitOptions, v6 bool, _ option.Letters, d Defaults) { o.v6, o.port = v6, d.Pid },
	Towards: []option.Check[waitOptions]{{
		Fails: func(o *waitOptions, _ option.Letters) bool { return o.v6 && o.wait == 6 }, Text: "six is for IPv4",
	}},
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		text string
		want waitOptions
		err  string
	}{
		{text: "192.0.2.1", want: waitOptions{wait: 5, port: 3}},
		{text: "-w 6 192.0.2.1", want: waitOptions{wait: 6, port: 3}},
		{text: "-w 4 2001:db8::1", want: waitOptions{wait: 4, port: 3, v6: true}},
		{text: "-w 6 2001:db8::1", err: "six is for IPv4"},
		{text: "-w 7 x", err: "never seven"},
		{text: "-w 8 x", err: "invalid destination address"},
		{text: "-w 8", err: "expected address"},
	} {
		o, dst, err := waitCommands.Parse(tt.text, Defaults{Pid: 3})
		if err != nil {
			if err.Error() != tt.err {
				t.Errorf("%q: %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if tt.err != "" || *o != tt.want || dst.Is6() != tt.want.v6 {
			t.Errorf("%q: %+v to %s, want %+v, %q", tt.text, *o, dst, tt.want, tt.err)
		}
	}
}

func TestTemplates(t *testing.T) {
	six, err := waitCommands.ParseTemplate("-w 6", Defaults{Pid: 3})
	if err != nil {
		t.Fatal(err)
	}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	if o, err := six.For(v4); err != nil || *o != (waitOptions{wait: 6, port: 3}) {
		t.Errorf("%+v, %v", o, err)
	}
	for dst, want := range map[netip.Addr]string{v6: "six is for IPv4", {}: "invalid destination address"} {
		if _, err := six.For(dst); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %s", dst, err, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = six.For(v4) }); n != 0 {
		t.Errorf("allocations per target = %v, want 0", n)
	}
	if _, err := waitCommands.ParseTemplate("-w 1 192.0.2.9", Defaults{}); err == nil || err.Error() != "invalid destination address" {
		t.Errorf("a template with a destination: %v", err)
	}
	if _, err := waitCommands.ParseTemplate("-w 7", Defaults{}); err == nil || err.Error() != "never seven" {
		t.Errorf("a template that no destination fits: %v", err)
	}
}
