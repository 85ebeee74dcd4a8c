package launch

import (
	"bytes"
	"strings"
	"testing"
)

func TestOrder(t *testing.T) {
	for _, o := range []order{
		{uid: 65534, gid: 65534, sandbox: true, chroot: "/var/empty"},
		{uid: 1, gid: 2, certificates: true, chroot: "/"},
		{uid: 1<<31 - 1, gid: 1<<31 - 1, sandbox: true, certificates: true, chroot: "/" + strings.Repeat("x", maxChroot-1)},
	} {
		got, err := decodeOrder(o.encode())
		if err != nil || got != o {
			t.Errorf("%+v became %+v, error %v", o, got, err)
		}
	}
	for name, b := range map[string][]byte{
		"empty":     nil,
		"no root":   order{uid: 1, gid: 1}.encode(),
		"relative":  order{uid: 1, gid: 1, chroot: "empty"}.encode(),
		"user 0":    order{gid: 1, chroot: "/x"}.encode(),
		"group 0":   order{uid: 1, chroot: "/x"}.encode(),
		"user -1":   order{uid: 1<<32 - 1, gid: 1, chroot: "/x"}.encode(),
		"group -1":  order{uid: 1, gid: 1<<32 - 1, chroot: "/x"}.encode(),
		"flag":      {0, 0, 0, 1, 0, 0, 0, 1, 4, '/'},
		"cut short": {0, 0, 0, 1, 0, 0, 0, 1, 1},
	} {
		if o, err := decodeOrder(b); err == nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func FuzzDecodeOrder(f *testing.F) {
	f.Add(order{uid: 65534, gid: 65534, sandbox: true, chroot: "/var/empty"}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeOrder(b)
		if err != nil {
			return
		}
		if o.uid == 0 || o.gid == 0 {
			t.Errorf("%+v", o)
		}
		if again := o.encode(); !bytes.Equal(b, again) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
