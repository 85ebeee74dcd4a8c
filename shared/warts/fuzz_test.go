package warts

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func addTestFiles(f *testing.F) {
	for _, data := range testFiles(f) {
		if len(data) < 1000 {
			f.Add(data)
		}
	}
}

// FuzzReader reads anything in all modes; it must end without panic, after no more records than there are bytes.
func FuzzReader(f *testing.F) {
	addTestFiles(f)
	f.Fuzz(checkReader)
}

func checkReader(t *testing.T, data []byte) {
	if compressedFile(data) {
		return // a decompressor is not what is tested
	}
	for mode := range 8 {
		r := NewReader(bytes.NewReader(data))
		r.Resync, r.Concatenated, r.Reuse = mode&1 != 0, mode&2 != 0, mode&4 != 0
		n := 0
		for rec, err := range r.All() {
			if (rec == nil) == (err == nil) {
				t.Fatalf("record %v, error %v", rec, err)
			}
			if n++; n > len(data)+1 {
				t.Fatal("more records than bytes")
			}
		}
	}
}

// TestMutations changes bytes of the test files at random, always the same way, and checks what the fuzz targets check.
func TestMutations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	files := testFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > 5000 || len(files[name]) == 0 {
			continue
		}
		for range mutations {
			data := bytes.Clone(files[name])
			for range 1 + rng.IntN(4) {
				i := rng.IntN(len(data))
				switch rng.IntN(4) {
				case 0:
					data[i] = byte(rng.Uint32())
				case 1:
					data[i] ^= 1 << rng.IntN(8)
				case 2:
					data = append(data[:i:i], data[min(len(data), i+1+rng.IntN(8)):]...)
				case 3:
					data = slices.Insert(data, i, bytes.Clone(data[i:min(len(data), i+rng.IntN(20))])...)
				}
				if len(data) == 0 {
					break
				}
			}
			checkReader(t, data)
			checkReadWriteRead(t, data)
		}
	}
}

// mutations is the number of changed copies of each file.
var mutations = 8

func compressedFile(data []byte) bool {
	for _, f := range formats {
		if bytes.HasPrefix(data, f.magic) {
			return true
		}
	}
	return false
}

// FuzzReadWriteRead writes back what could be read: the second reading must find the same, and be written with the same
// bytes.
func FuzzReadWriteRead(f *testing.F) {
	addTestFiles(f)
	f.Fuzz(checkReadWriteRead)
}

func checkReadWriteRead(t *testing.T, data []byte) {
	if compressedFile(data) || bytes.HasPrefix(data, []byte{artsMagic >> 8, artsMagic & 0xff}) {
		return // a decompressor is not what is tested; arts has zeros where warts has defaults
	}
	var enc Encoder
	var first []Record
	var file []byte
	for rec, err := range NewReader(bytes.NewReader(data)).All() {
		if err != nil {
			break
		}
		out, err := enc.Append(file, rec)
		if err != nil {
			continue // the format allows to read more than to write
		}
		if len(out) > len(file) {
			first = append(first, rec)
		}
		file = out
	}
	var again Encoder
	var second []byte
	i := 0
	for rec, err := range NewReader(bytes.NewReader(file)).All() {
		if err != nil {
			t.Fatalf("what was written can't be read: %v\nfrom %x\n     %x", err, data, file)
		}
		if i < len(first) && rec.Type() == first[i].Type() {
			if rec.Type() > TypeAddress {
				sameRecord(t, first[i], rec)
			}
			i++
		}
		if second, err = again.Append(second, rec); err != nil {
			t.Fatalf("what was written once can't be again: %v\n%#v", err, rec)
		}
	}
	if i != len(first) {
		t.Fatalf("%d records written, %d of them read", len(first), i)
	}
	if !bytes.Equal(file, second) {
		t.Fatalf("written again, bytes differ\n%x\n%x\n%x", data, file, second)
	}
}

// sameRecord compares two records but for what a Kept remembers.
func sameRecord(t *testing.T, a, b Record) {
	t.Helper()
	forget(reflect.ValueOf(a))
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		name := x.Type().Field(i).Name
		if name == "Kept" || name == "List" || name == "Cycle" {
			continue
		}
		if !equalValues(x.Field(i), y.Field(i)) {
			t.Fatalf("%s: %s is %+v, was %+v", a.Type(), name, y.Field(i), x.Field(i))
		}
	}
}

// equalValues is reflect.DeepEqual that takes empty slices for nil ones and does not look at Kept.
func equalValues(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equalValues(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && equalValues(a.Elem(), b.Elem())
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[Kept]() {
			return true
		}
		for i := range a.NumField() {
			if !equalValues(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}
