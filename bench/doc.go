// Package bench measures the whole program beside others, in network namespaces of its own. Each benchmark prints a table
// with ratios; docs/benchmarks.md holds figures and says how they were made.
//
//	CGO_ENABLED=0 go test ./bench -run '^$' -bench PingRate -benchtime 1x
package bench
