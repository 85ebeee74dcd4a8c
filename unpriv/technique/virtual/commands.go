package virtual

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/option"
	"scamper/unpriv/technique"
)

// CheckTemplates holds that options say the same in a template as in commands, for destinations of both families. Texts
// that end with the address 192.0.2.1 count without it.
func CheckTemplates[O any](t *testing.T, c *technique.Commands[O], d technique.Defaults, texts []string, compare cmp.Option) {
	t.Helper()
	for _, text := range texts {
		text = strings.TrimSuffix(text, "192.0.2.1")
		template, templateErr := c.ParseTemplate(text, d)
		for _, dst := range []string{"192.0.2.1", "2001:db8::1"} {
			want, wantDst, wantErr := c.Parse(text+" "+dst, d)
			var got *O
			err := templateErr
			if err == nil {
				got, err = template.For(netip.MustParseAddr(dst))
			}
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%q to %s: %v, want %v", text, dst, err, wantErr)
				continue
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(want, got, compare); diff != "" || wantDst != netip.MustParseAddr(dst) {
				t.Errorf("%q to %s:\n%s", text, dst, diff)
			}
			if again, _ := template.For(netip.MustParseAddr(dst).Next()); again != got {
				t.Errorf("%q: two destinations of a family have different options", text)
			}
		}
	}
}

// FuzzCommands parses texts and hands what is accepted to check.
func FuzzCommands[O any](f *testing.F, c *technique.Commands[O], seeds []string, check func(o *O, dst netip.Addr) error) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, dst, err := c.Parse(text, technique.Defaults{Pid: 0x71234})
		if err != nil {
			var e *option.Error
			if !errors.As(err, &e) || e.Text == "" || e.Reason == 0 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if !dst.IsValid() || dst.Zone() != "" {
			t.Fatalf("destination %v", dst)
		}
		if err := check(o, dst); err != nil {
			t.Fatalf("%q: %v: %+v", text, err, o)
		}
	})
}

// Refusal is a command and why it is refused.
type Refusal = struct{ Text, Want string }

// Texts returns the commands of a list of refusals and some more.
func Texts(refusals []Refusal, more ...string) []string {
	texts := slices.Clone(more)
	for _, r := range refusals {
		texts = append(texts, r.Text)
	}
	return texts
}

// CheckRefusals holds that commands are refused, and why.
func CheckRefusals[O any](t *testing.T, c *technique.Commands[O], d technique.Defaults, refusals []Refusal) {
	t.Helper()
	for _, r := range refusals {
		if _, _, err := c.Parse(r.Text, d); err == nil || err.Error() != r.Want {
			t.Errorf("%q: %v, want %s", r.Text, err, r.Want)
		}
	}
}
