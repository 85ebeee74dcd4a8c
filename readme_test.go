package house

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// goTest finds a command that runs tests, with or without variables before it.
var goTest = regexp.MustCompile(`^(\$ )?([A-Z_]+=\S+ )*go test .*\./\.\.\.`)

// The continuous integration runs the first command of the README that runs go test,
// so that has to be there and to run everything.
func TestReadmeSaysHowToTest(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = !inside
		case inside && strings.Contains(line, "go test "):
			if !goTest.MatchString(line) {
				t.Errorf("the first go test of README.md does not run all tests: %s", line)
			}
			return
		}
	}
	t.Error("no code block of README.md runs go test")
}
