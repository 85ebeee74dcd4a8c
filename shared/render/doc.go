// Package render holds what the renderings of warts records share: formatting of numbers, times and texts without
// allocation, and what is computed from a record before it can be shown (statistics of a ping, the hop at which a path
// MTU changes, the addresses of a set of tracelb probes, the fields of recorded packets).
//
// The renderings are in its subpackages: text (what scamper -O text and sc_warts2text print), json (-O json and
// sc_warts2json) and dump (sc_wartsdump). Each has one function per record type that appends to a byte slice, and is byte
// for byte what scamper 20260420 prints, save for the differences listed in docs/compatibility.md: where that version
// crashes, cuts a text in the middle or writes invalid JSON.
package render
