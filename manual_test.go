package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scamper/testkit"
)

// fileOptions is the part of a command's help that lists options in square brackets or at the begin of a line.
var fileOptions = regexp.MustCompile(`(?m)(?:^ *|\[)-([A-Za-z0-9?]+)`)

// TestManualPages holds that each command has a page, and that it tells of every option that the command's help names.
// The page of scamper itself is compared with its tables beside these.
func TestManualPages(t *testing.T) {
	commands, err := filepath.Glob("cmd/sc_*")
	if err != nil || len(commands) == 0 {
		t.Fatalf("no commands: %v", err)
	}
	for _, dir := range commands {
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join("docs", name+".1"))
			if err != nil {
				t.Fatal(err)
			}
			help, err := exec.Command(testkit.BuildCommand(t, "scamper/cmd/"+name), "--help").CombinedOutput()
			if err != nil {
				t.Fatalf("--help: %v\n%s", err, help)
			}
			for _, match := range fileOptions.FindAllStringSubmatch(string(help), -1) {
				for _, letter := range match[1] {
					if letter == '?' {
						continue
					}
					told := regexp.MustCompile(`\bFl [A-Za-z0-9]*` + string(letter))
					if !told.Match(page) {
						t.Errorf("%s.1 does not tell of -%c:\n%s", name, letter, help)
					}
				}
			}
			if !strings.Contains(string(page), ".Nm "+name) {
				t.Errorf("%s.1 has another name", name)
			}
		})
	}
}
