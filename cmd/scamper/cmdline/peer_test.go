package cmdline

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"scamper/testkit"
)

// TestLikeDebian compares with the program of the same name, where one is installed, on command lines that it refuses
// before it probes anything: the status, and which options are explained.
func TestLikeDebian(t *testing.T) {
	program := testkit.NeedProgram(t, "scamper")
	if out, _ := exec.Command(program, "-v").CombinedOutput(); !strings.Contains(string(out), "version 20211212") {
		testkit.Skip(t, "the installed scamper is not version 20211212")
	}
	everything(t)
	differ := map[string]string{
		"-O select -O epoll -i x": "takes one of two",
		"-O select -O epoll -p 0": "the same",
		"-p 5x -i x":              "ignores what follows a number",
		"-p 1000001 -i x":         "always explains both -p and -w",
		"-p -1 -i x":              "the same",
		"-w 65536 -i x":           "the same",
		"-L 0 -i x":               "explains -l instead, twice for what is no number",
		"-L abc -i x":             "the same",
		"-L 2147483648 -i x":      "the same",
		"-C 0 -L 0":               "the same",
		"-D -i x":                 "does not offer -o",
		"-P +5":                   "takes it",
		"-P :5":                   "takes it",
		"-P host:5":               "takes it",
		"-P [192.0.2.1]:5":        "takes it",
		"-P 1 -U u x":             "explains -P alone",
		"-R 5":                    "crashes",
	}
	for _, tt := range refusals {
		if strings.ContainsAny(tt.args, "HO") && !strings.HasPrefix(tt.args, "-O foo") && tt.args != "-O kqueue -i x" ||
			tt.more != "" || strings.Contains(tt.args, "-M") || strings.Contains(tt.args, "-U %") ||
			differ[tt.args] != "" {
			continue
		}
		cmd := exec.Command(program, split(tt.args)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		letters, _ := shown(stderr.String())
		if !errors.As(err, &exit) || exit.ExitCode() != 255 || !same(letters, tt.letters) {
			t.Errorf("%s: %v, letters %q, ours %q", tt.args, err, letters, tt.letters)
		}
	}
	for _, args := range []string{"-z", "-c", "--foo", "-iz x"} {
		theirs, _ := exec.Command(program, split(args)...).CombinedOutput()
		e := env()
		e.Program = program
		_, err := Parse(split(args), e)
		want, _, _ := strings.Cut(string(theirs), "\n")
		if got, _, _ := strings.Cut(err.Error(), "\n"); got != want {
			t.Errorf("%s: %q, theirs %q", args, got, want)
		}
	}
}
