package engine

import (
	"net/netip"
	"testing"

	"scamper/conf"
	"scamper/unpriv/sched"
	"scamper/unpriv/source"
	"scamper/unpriv/technique"
)

// forTest is a technique of which nothing is wanted but that it is asked.
func forTest(name string) technique.Technique {
	return technique.Technique{
		Name:     name,
		Parse:    func(*technique.Env, string) (sched.Machine, error) { return nil, nil },
		Template: func(*technique.Env, string) (technique.Template, error) { return noMachines{}, nil },
	}
}

type noMachines struct{}

func (noMachines) Machine(netip.Addr) (sched.Machine, error) { return nil, nil }

// What the configuration forbids is refused, as a whole command and as the default one.
func TestDisabled(t *testing.T) {
	c, err := conf.Parse("f", []byte("ping.enable = 0"))
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{
		engine: &Engine{config: Config{
			Techniques: technique.Registry{forTest("trace"), forTest("ping")}, Commands: c.Commands,
		}},
		templates: make(map[string]template),
	}
	target := &source.Command{Text: "192.0.2.1", Target: true, Addr: netip.MustParseAddr("192.0.2.1")}
	for word, want := range map[string]string{
		"trace": "", "PING": "ping disabled", "tbit": "the tbit command is not available in this version",
		"pong": "could not determine command type",
	} {
		_, whole := f.command(word + " 192.0.2.1")
		_, joined := f.target(word, target)
		for form, err := range map[string]error{"whole": whole, "joined": joined} {
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s, %s: %q, want %q", word, form, got, want)
			}
		}
	}
}
