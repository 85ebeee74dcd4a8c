// Package warts reads and writes warts files, the record format of scamper.
package warts
