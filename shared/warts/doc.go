// Package warts reads and writes warts files, in which scamper keeps what it measured.
//
// # Files
//
// A file is a sequence of records. Each measurement (a [Trace], a [Ping], ...) is one; before it come the records of the
// [List] and the [Cycle] that it belongs to, to which it refers by numbers. [Reader] follows these references: a record
// that it returns has pointers to its list and cycle. [Writer] and [Encoder] give the numbers and write the records of
// lists and cycles when they are first needed. So a program that copies measurements from several files into one does
// not meet the numbers at all.
//
// A Reader takes any io.Reader and finds out by itself whether the file is compressed with gzip, bzip2, xz or zstd. It
// also reads the traces of arts files, the format of scamper's predecessor skitter.
//
// # Records
//
// Records are plain structs with exported fields, which may be read, changed and made freely; the field comments tell
// units and ranges. Times are of type [Time] and addresses of type [Addr], which hold exactly what the format can hold.
// All parameters of scamper 20260420 are there, old ones included; files of older versions are read, also those that
// scamper 20211212 wrote wrongly.
//
// A measurement in memory may have more than the format stores: probes without any reply are not written, and the
// comments of [Ping] and [Trace] name the other cases.
//
// # Copies
//
// A record that was read and is written again has the same bytes, even where versions of scamper differ in what they
// write, and even if it has parameters that this package does not know: each struct's field Kept remembers them. A record
// that was changed in between is written with its changes. Records of unknown types are of type [Unknown] and survive
// too. What does not come back unchanged is what has no meaning: replies stored out of order, values that others
// override, addresses given as numbers of address records (deprecated), and the mistakes of scamper 20211212.
//
// Tools that pass records on without looking into them use [Reader.NextRaw] or [Reader.Raw] with [Writer.WriteRaw].
//
// # Damage
//
// A damaged file gives all records before the damage and then a [ReadError] with the byte offset, the record and its
// parameter. With [Reader.Resync] reading goes on after it. No input makes a Reader panic, and what it allocates is in
// proportion to the bytes that are there, not to what they claim.
//
// # Speed
//
// Writing a ping or trace allocates nothing. Reading allocates what the record needs; with [Reader.Reuse] the memory of
// the previous one serves again.
package warts
