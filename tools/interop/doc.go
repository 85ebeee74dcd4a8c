// Package interop runs Debian's tools of scamper beside ours: on the input files of the vectors, and on what ours write.
package interop
