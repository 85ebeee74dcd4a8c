package tools_test

import "slices"

// difference is a reason why the output for some vectors is not that of scamper 20260420 on purpose. docs/compatibility.md
// tells of each.
type difference struct {
	reason string
	cases  []string
	files  []string // of these cases
}

var (
	allViews = []string{"dump.26", "json.26", "text.26"}
	traces   = []string{"dump.26", "json.26", "text.26", "analysis.26", "csv.26", "ttlexp.26", "ipid.26"}

	differences = []difference{
		{
			"flags of a ping with parameters of 512 to 1023 bytes and none above 28 are lost there",
			[]string{"hand-ping-fields"},
			[]string{"dump.26"},
		},
		{
			"long data is cut there at 1023 bytes of the line, with all keys up to the responses",
			[]string{"hand-ping-fields"},
			[]string{"json.26"},
		},
		{
			"IPv4 options of a reply are cut there at 255 bytes",
			[]string{"hand-ping-options", "random-ping-odd1"},
			[]string{"text.26"},
		},
		{
			"the first hop of an arts trace is 1, not 0, and its hops are shown",
			[]string{"file-arts"},
			[]string{"dump.26", "json.26", "csv.26"},
		},
		{
			"the destination's reply in an arts trace has the TTL of its hop, there one less",
			[]string{"file-arts"},
			[]string{"analysis.26"},
		},
		{
			"all members of a gzip file are read, there only the first",
			[]string{"file-gz-members"},
			allViews,
		},
		{
			"an address whose length is not that of its type is damage, there it shifts what comes after it",
			[]string{"bad-addr-len"},
			traces,
		},
		{
			"parameters behind the end of their block are damage, there they are taken",
			[]string{"bad-param-len-zero"},
			[]string{"dump.26", "json.26", "text.26", "ipid.26"},
		},
		{
			"an unknown record without a body is stepped over, there it is damage",
			[]string{"bad-unknown-empty"},
			traces,
		},
		{
			"prefixscans whose count of excluded addresses has the wrong byte order are read, there they are damage",
			[]string{"dealias-prefixscan-x-v4-21", "hand-dealias-swapped-odd1"},
			[]string{"dump.26", "json.26", "ipid.26"},
		},
		{
			"neighbourdiscs whose probes have a wrong length are read, there they are damage",
			[]string{"hand-neighbourdisc-short", "neighbourdisc-v6-21"},
			[]string{"dump.26", "json.26"},
		},
		{
			"the error message of a sting is shown",
			[]string{"hand-sting"},
			[]string{"dump.26"},
		},
		{
			"owamps are copied, there they are dropped",
			[]string{"pair-types"},
			[]string{"wartscat.26", "wartscat-s.26", "wartscat-alone.26"},
		},
		{
			"a tracelb with a link without hops is shown, there it has no text",
			[]string{"hand-tracelb-no-hops-odd1"},
			[]string{"text.26"},
		},
	}
)

// differs returns why an output of a case is not that of scamper 20260420, "" if it must be.
func differs(name, file string) string {
	for _, d := range differences {
		if slices.Contains(d.cases, name) && slices.Contains(d.files, file) {
			return d.reason
		}
	}
	return ""
}
