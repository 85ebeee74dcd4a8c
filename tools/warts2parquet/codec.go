package warts2parquet

import (
	"github.com/klauspost/compress/zstd"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// window is how far back compression looks, in bytes. A page of a column has pageSize bytes, that of a dictionary seldom
// more than a MiB: the usual window of 8 MiB takes memory, in each of several encoders, and finds nothing more.
const window = 1 << 20

// codec is the library's codec but for its encoders: all tables share one that takes little memory.
type codec struct {
	*parquetzstd.Codec
	encoder *zstd.Encoder
}

func newCodec() *codec {
	// As the library's are, but for concurrency, window and memory.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // an option is out of its range
	}
	return &codec{&parquetzstd.Codec{}, e}
}

// Encode returns src compressed, in dst if that is large enough.
func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	return c.encoder.EncodeAll(src, dst[:0]), nil
}
