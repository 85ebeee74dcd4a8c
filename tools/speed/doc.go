// Package speed compares the file tools with those of Debian, in the same run:
//
//	CGO_ENABLED=0 go test ./tools/speed -run '^$' -bench . -benchtime 1x
//
// docs/benchmarks.md has figures.
package speed
