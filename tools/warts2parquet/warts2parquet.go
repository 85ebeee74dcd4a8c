// Package warts2parquet is the command sc_warts2parquet: it converts traces, pings and tracelbs to Apache Parquet, so
// that archives that outgrow a machine go straight to DuckDB, ClickHouse, Spark or BigQuery.
package warts2parquet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

const usage = "usage: sc_warts2parquet [-f] [-o directory] [-r rows] [file ...]\n"

const explanation = `
Writes the traces, pings and tracelbs of warts files to trace.parquet,
ping.parquet and tracelb.parquet: a row for each of them, in which hops and
replies are nested. A table without rows is not written. Reads standard input if
there is no file, or where a file is called -.

  -f            replace files that are there
  -o directory  where to write; default: the current directory
  -r rows       rows in a row group; default: 20000 pings, 5000 others
`

// Rows in a row group: enough for a query engine to skip and to divide work by, few enough to be held in memory.
const (
	pingGroup  = 20_000
	otherGroup = 5_000
)

// pageSize is how much of a column, in bytes, is collected before it is compressed. Each of some fifty columns of a table
// has such a buffer.
const pageSize = 128 << 10

// Main runs the command.
func Main(env *cli.Env) int {
	if env.Standard(usage + explanation) {
		return cli.StatusOK
	}
	c := converter{dir: ".", version: cli.Version(), codec: newCodec()}
	opts, files := cli.Getopt(env.Name, env.Args, "fo:r:?", env.Stderr)
	for _, opt := range opts {
		switch opt.Letter {
		case 'f':
			c.replace = true
		case 'o':
			c.dir = opt.Value
		case 'r':
			n, err := cli.ParseNumber(opt.Value, 1, 1_000_000)
			if err != nil {
				env.Errorf("-r: %v", err)
				return cli.StatusFailed
			}
			c.groupRows = n
		default:
			fmt.Fprint(env.Stderr, usage+explanation)
			return cli.StatusFailed
		}
	}
	traces := table[traceRow]{c: &c, name: "trace", group: otherGroup}
	pings := table[pingRow]{c: &c, name: "ping", group: pingGroup}
	tracelbs := table[tracelbRow]{c: &c, name: "tracelb", group: otherGroup}
	var writeErr error
	status := env.Walk(cli.Walk{
		Files: files, Want: []warts.Type{warts.TypeTrace, warts.TypePing, warts.TypeTracelb},
		Record: func(_ int, rec warts.Record) bool {
			switch r := rec.(type) {
			case *warts.Trace:
				writeErr = traces.add(newTrace(r))
			case *warts.Ping:
				writeErr = pings.add(newPing(r))
			case *warts.Tracelb:
				writeErr = tracelbs.add(newTracelb(r))
			}
			return writeErr == nil
		},
		OpenFailed: func(name string, err error) bool {
			env.Errorf("could not open %s: %v", name, err)
			return false
		},
	})
	// What was read is kept, whatever became of the rest.
	if err := errors.Join(writeErr, traces.close(), pings.close(), tracelbs.close()); err != nil {
		env.Errorf("%v", err)
		return cli.StatusFailed
	}
	return status
}

// converter is what the tables have in common.
type converter struct {
	dir       string
	replace   bool
	groupRows int64 // 0: those of the table
	version   string
	codec     *codec
}

// table is a file that is made with its first row.
type table[Row any] struct {
	c     *converter
	name  string
	group int64
	rows  []Row // not yet given to w
	file  *os.File
	w     *parquet.GenericWriter[Row]
}

// batch is how many rows are given to the writer at once.
const batch = 128

func (t *table[Row]) add(row Row) error {
	if t.file == nil {
		if err := t.create(); err != nil {
			return err
		}
	}
	if t.rows = append(t.rows, row); len(t.rows) < batch {
		return nil
	}
	return t.flush()
}

func (t *table[Row]) create() error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if t.c.replace {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	name := filepath.Join(t.c.dir, t.name+".parquet")
	f, err := os.OpenFile(name, flags, 0o644)
	if err != nil {
		return fmt.Errorf("could not create %s: %w", name, cli.Reason(err))
	}
	group := t.group
	if t.c.groupRows > 0 {
		group = t.c.groupRows
	}
	t.file = f
	t.w = parquet.NewGenericWriter[Row](f, parquet.Compression(t.c.codec), parquet.MaxRowsPerRowGroup(group),
		parquet.PageBufferSize(pageSize), parquet.CreatedBy("sc_warts2parquet", t.c.version, "scamper"))
	return nil
}

func (t *table[Row]) flush() error {
	_, err := t.w.Write(t.rows)
	clear(t.rows)
	t.rows = t.rows[:0]
	if err != nil {
		return fmt.Errorf("%s: %w", t.file.Name(), err)
	}
	return nil
}

func (t *table[Row]) close() error {
	if t.file == nil {
		return nil
	}
	err := t.flush()
	if err == nil {
		if err = t.w.Close(); err != nil {
			err = fmt.Errorf("%s: %w", t.file.Name(), err)
		}
	}
	return errors.Join(err, t.file.Close())
}
