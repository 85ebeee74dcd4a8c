package simnet

import (
	"os"
	"strings"
	"testing"
)

// The documentation names every key and every word that a behaviour may have, and every shipped topology.
func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/simnet.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	r := &reader{}
	behaviour := r.table("", "", map[string]any{"ipid": "counter"})
	b := routerDefaults()
	readBehaviour(behaviour, &b)
	link := r.table("", "", map[string]any{})
	readFace(link, "")
	words := sortedKeys(behaviour.used)
	words = append(words, sortedKeys(link.used)...)
	words = append(words, sortedKeys(hashWords)...)
	for _, u := range unreachables {
		words = append(words, u.name)
	}
	for _, w := range words {
		if !strings.Contains(text, "`"+w+"`") {
			t.Errorf("docs/simnet.md does not explain %q", w)
		}
	}
	for _, reason := range reasonNames {
		if !strings.Contains(text, "`"+reason+"`") {
			t.Errorf("docs/simnet.md does not name the reason %q", reason)
		}
	}
	files, err := os.ReadDir("topologies")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(text, "\n### "+f.Name()+":") {
			t.Errorf("docs/simnet.md has no section on %s", f.Name())
		}
	}
}
