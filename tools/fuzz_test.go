package tools_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"scamper/shared/render/dump"
	"scamper/shared/warts"
	"scamper/tools/cli"
	"scamper/tools/wartscat"
	"scamper/tools/wartsdump"
)

// FuzzPipeline gives anything to the commands that work on all processors: they must print what one that reads record by
// record does, and a copy of what they could read must be readable.
func FuzzPipeline(f *testing.F) {
	dir := unpackVectors(f)
	for _, pattern := range []string{"bad-*", "cut-*", "file-*", "mixed-*", "pair-*", "cycles-*", "hand-global-*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern, "in.warts"))
		if err != nil || len(names) == 0 {
			f.Fatalf("no seeds %s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want, gotErr, wantErr bytes.Buffer
		status := wartsdump.Main(&cli.Env{Name: "t", Stdin: bytes.NewReader(data), Stdout: &got, Stderr: &gotErr})
		env := &cli.Env{Name: "t", Stdin: bytes.NewReader(data), Stderr: &wantErr}
		wantStatus := env.Walk(cli.Walk{Record: func(_ int, rec warts.Record) bool {
			want.Write(dump.Append(nil, rec))
			return true
		}})
		if status != wantStatus || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("status %d and %d bytes, one by one %d and %d bytes", status, got.Len(), wantStatus, want.Len())
		}
		if (gotErr.Len() > 0) != (wantErr.Len() > 0) {
			t.Errorf("%q, one by one %q", gotErr.String(), wantErr.String())
		}

		var copied bytes.Buffer
		env = &cli.Env{Name: "t", Args: []string{"-"}, Stdin: bytes.NewReader(data), Stdout: &copied, Stderr: &gotErr}
		if wartscat.Main(env) != cli.StatusOK && status == cli.StatusOK {
			return // a record that can be read and not be written
		}
		gotErr.Reset()
		if wartsdump.Main(&cli.Env{Name: "t", Stdin: &copied, Stdout: &got, Stderr: &gotErr}) != cli.StatusOK {
			t.Errorf("the copy can't be read: %s", gotErr.String())
		}
	})
}
