package technique

import (
	"net/netip"

	"scamper/shared/option"
	"scamper/unpriv/sched"
)

// Defaults are the values of a command that depend on the process.
type Defaults struct {
	// Pid is the number of the process that probes. Its low 16 bits are ICMP identifiers; with the highest of them set
	// they are source ports of UDP and TCP.
	Pid int
}

// Commands is the grammar of a technique whose commands are options and one destination. O is its options.
type Commands[O any] struct {
	Table *option.Table[O]
	// New returns the options of a command that gives none, as far as they do not depend on others.
	New func() *O
	// Alone are the rules that do not concern the destination, in the order in which a user is told.
	Alone []option.Check[O]
	// Complete fills in what depends on the destination's family, on the process and on other options. o is a copy;
	// what it refers to is shared.
	Complete func(o *O, v6 bool, given option.Letters, d Defaults)
	// Towards are the rules that come after that, in the order in which a user is told.
	Towards []option.Check[O]
}

// Parse parses what follows the word in a command: options and destination. The error is an [*option.Error] whose text is
// fit for a user.
func (c *Commands[O]) Parse(text string, d Defaults) (*O, netip.Addr, error) {
	o := c.New()
	operand, given, err := c.Table.Parse(text, o)
	if err == nil {
		err = c.alone(o, text, given)
	}
	if err != nil {
		return nil, netip.Addr{}, err
	}
	dst, ok := option.ParseAddr(operand)
	if !ok {
		return nil, netip.Addr{}, option.InvalidDestination()
	}
	if o, err = c.towards(o, dst.Is6(), given, d); err != nil {
		return nil, netip.Addr{}, err
	}
	return o, dst, nil
}

// ParseTemplate parses options to which destinations will be added. The error is the one that every destination would
// have met.
func (c *Commands[O]) ParseTemplate(text string, d Defaults) (*FamilyOptions[O], error) {
	o := c.New()
	rest, given, err := c.Table.ParseOptions(text, o)
	if err == nil {
		err = c.alone(o, text, given)
	}
	if err != nil {
		return nil, err
	}
	if rest != "" { // the destinations to come would be the second one of the command
		return nil, option.InvalidDestination()
	}
	t := &FamilyOptions[O]{}
	t.v4, t.err4 = c.towards(o, false, given, d)
	t.v6, t.err6 = c.towards(o, true, given, d)
	return t, nil
}

// alone refuses what breaks a rule that does not concern the destination, and what this version cannot do.
func (c *Commands[O]) alone(o *O, text string, given option.Letters) error {
	if err := option.RunChecks(c.Alone, o, given); err != nil {
		return err
	}
	return c.Table.Available(text)
}

// towards returns a copy of the options completed for destinations of a family.
func (c *Commands[O]) towards(o *O, v6 bool, given option.Letters, d Defaults) (*O, error) {
	completed := *o
	c.Complete(&completed, v6, given, d)
	if err := option.RunChecks(c.Towards, &completed, given); err != nil {
		return nil, err
	}
	return &completed, nil
}

// FamilyOptions is the options of a command without destination, for lists of destinations. It may be shared.
type FamilyOptions[O any] struct {
	v4, v6     *O
	err4, err6 error
}

// For returns the options towards a destination. All destinations of a family get the same value, or the same error.
func (t *FamilyOptions[O]) For(dst netip.Addr) (*O, error) {
	switch {
	case dst.Is4():
		return t.v4, t.err4
	case dst.Is6():
		return t.v6, t.err6
	}
	return nil, option.InvalidDestination()
}

// Maker makes the task of a destination.
type Maker[O any] func(opt *O, dst netip.Addr) sched.Machine

// Technique returns the row of the registry. in is called once for each environment.
func (c *Commands[O]) Technique(in func(*Env) Maker[O]) Technique {
	var known *Env
	var maker Maker[O]
	of := func(env *Env) Maker[O] {
		if maker == nil || known != env {
			known, maker = env, in(env)
		}
		return maker
	}
	return Technique{
		Name:    c.Table.Word,
		Grammar: c.Table.Options,
		Check: func(text string) error {
			_, _, err := c.Parse(text, Defaults{})
			return err
		},
		Parse: func(env *Env, text string) (sched.Machine, error) {
			opt, dst, err := c.Parse(text, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return of(env)(opt, dst), nil
		},
		Template: func(env *Env, text string) (Template, error) {
			opt, err := c.ParseTemplate(text, Defaults{Pid: env.PID})
			if err != nil {
				return nil, err
			}
			return template[O]{opt, of(env)}, nil
		},
	}
}

type template[O any] struct {
	*FamilyOptions[O]
	maker Maker[O]
}

func (t template[O]) Machine(dst netip.Addr) (sched.Machine, error) {
	opt, err := t.For(dst)
	if err != nil {
		return nil, err
	}
	return t.maker(opt, dst), nil
}
