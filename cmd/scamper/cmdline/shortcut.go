package cmdline

import (
	"fmt"
	"strings"

	"scamper/shared/option"
)

// shortcut returns the command word that a program's name asks for: "ping" for a name that ends with scamper-ping.
// Otherwise it returns "".
func shortcut(program string) string {
	for _, word := range option.CommandWords() {
		if strings.HasSuffix(program, "scamper-"+word) {
			return word
		}
	}
	return ""
}

// parseShortcut checks the command line of a program such as scamper-ping: options of the command, then targets.
func parseShortcut(word string, args []string, env Env) (*Config, error) {
	var grammar []option.Option
	if env.Grammar != nil {
		grammar = env.Grammar(word)
	}
	if grammar == nil {
		return nil, &Exit{Status: failure, Stdout: fmt.Sprintf("scamper-%s is not available in this version\n", word)}
	}
	fail := func(reason string) error {
		text := option.Usage("usage: scamper-"+word, append(option.Synopsis(grammar), "<ip list>")...)
		if reason != "" {
			text += reason + "\n"
		}
		return &Exit{Status: failure, Stdout: text}
	}
	options, targets := option.CutArgs(grammar, args)
	if len(targets) == 0 {
		return nil, fail("")
	}
	config := defaults
	c := &config
	c.Mode, c.Operands, c.Shortcut = Targets, targets, word
	c.Command = strings.Join(append([]string{word}, options...), " ")
	if env.Check == nil {
		return c, nil
	}
	for _, target := range targets {
		if err := env.Check(c.Command + " " + target); err != nil {
			return nil, fail(err.Error())
		}
	}
	return c, nil
}
