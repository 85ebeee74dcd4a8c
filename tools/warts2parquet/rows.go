package warts2parquet

// The tables. Times are UTC, with microseconds. Columns that end in _us are durations in microseconds. A column that may
// be missing is null where the record doesn't have it. docs/parquet.md describes each column.

// origin are the columns that all tables begin with.
type origin struct {
	ListID   *uint32 `parquet:"list_id"`
	ListName *string `parquet:"list_name,dict"`
	Monitor  *string `parquet:"monitor,dict"`
	CycleID  *uint32 `parquet:"cycle_id"`
	UserID   uint32  `parquet:"user_id"`
	Src      *string `parquet:"src,dict"`
	Dst      string  `parquet:"dst"`
	Router   *string `parquet:"router,dict"`
	Start    int64   `parquet:"start,timestamp(microsecond:utc)"`
	Method   string  `parquet:"method,dict"`
	SrcPort  uint16  `parquet:"sport"`
	DstPort  uint16  `parquet:"dport"`
	ErrMsg   *string `parquet:"errmsg"`
}

// traceRow is a traceroute.
type traceRow struct {
	origin
	StopReason string   `parquet:"stop_reason,dict"`
	StopData   uint8    `parquet:"stop_data"`
	HopCount   uint16   `parquet:"hop_count"`
	StopHop    *uint8   `parquet:"stop_hop"`
	FirstHop   uint8    `parquet:"first_hop"`
	HopLimit   uint8    `parquet:"hop_limit"`
	Attempts   uint8    `parquet:"attempts"`
	GapLimit   uint8    `parquet:"gap_limit"`
	WaitUS     int64    `parquet:"wait_us"`
	WaitProbe  int64    `parquet:"wait_probe_us"`
	ToS        uint8    `parquet:"tos"`
	ProbeSize  uint16   `parquet:"probe_size"`
	ProbeCount uint16   `parquet:"probe_count"`
	Flags      []string `parquet:"flags,list"`
	PathMTU    *uint16  `parquet:"path_mtu"`
	Hops       []hopRow `parquet:"hops,list"`
}

// hopRow is a reply to a probe of a traceroute.
type hopRow struct {
	Addr      string    `parquet:"addr,dict"`
	Name      *string   `parquet:"name"`
	ProbeTTL  uint8     `parquet:"probe_ttl"`
	Attempt   uint8     `parquet:"attempt"`
	ProbeSize uint16    `parquet:"probe_size"`
	TX        *int64    `parquet:"tx,timestamp(microsecond:utc)"`
	RTT       int64     `parquet:"rtt_us"`
	TTL       *uint8    `parquet:"reply_ttl"`
	ToS       uint8     `parquet:"reply_tos"`
	Size      *uint16   `parquet:"reply_size"`
	IPID      *uint16   `parquet:"reply_ipid"`
	ICMPType  *uint8    `parquet:"icmp_type"`
	ICMPCode  *uint8    `parquet:"icmp_code"`
	QuoTTL    *uint8    `parquet:"icmp_q_ttl"`
	QuoLen    *uint16   `parquet:"icmp_q_ipl"`
	QuoToS    *uint8    `parquet:"icmp_q_tos"`
	NextMTU   *uint16   `parquet:"icmp_nhmtu"`
	TCPFlags  *uint8    `parquet:"tcp_flags"`
	MPLS      []mplsRow `parquet:"mpls,list"`
}

// mplsRow is an entry of the label stack in a reply.
type mplsRow struct {
	Label uint32 `parquet:"label"`
	Exp   uint8  `parquet:"exp"`
	S     uint8  `parquet:"s"`
	TTL   uint8  `parquet:"ttl"`
}

// pingRow is a ping.
type pingRow struct {
	origin
	StopReason string         `parquet:"stop_reason,dict"`
	StopData   uint8          `parquet:"stop_data"`
	ProbeCount uint16         `parquet:"probe_count"`
	Sent       uint16         `parquet:"probes_sent"`
	ProbeSize  uint16         `parquet:"probe_size"`
	WaitUS     int64          `parquet:"wait_us"`
	TimeoutUS  int64          `parquet:"timeout_us"`
	TTL        uint8          `parquet:"ttl"`
	ToS        uint8          `parquet:"tos"`
	Flags      []string       `parquet:"flags,list"`
	Replies    uint16         `parquet:"replies"`
	Dups       uint32         `parquet:"dups"`
	Errs       uint32         `parquet:"errs"`
	MinRTT     *int64         `parquet:"min_rtt_us"`
	AvgRTT     *int64         `parquet:"avg_rtt_us"`
	MaxRTT     *int64         `parquet:"max_rtt_us"`
	StdDevRTT  *int64         `parquet:"stddev_rtt_us"`
	Responses  []pingReplyRow `parquet:"responses,list"`
}

// pingReplyRow is a reply to a probe of a ping.
type pingReplyRow struct {
	Addr      string  `parquet:"addr,dict"`
	Seq       uint16  `parquet:"seq"`
	TX        *int64  `parquet:"tx,timestamp(microsecond:utc)"`
	RTT       int64   `parquet:"rtt_us"`
	Size      uint16  `parquet:"reply_size"`
	TTL       *uint8  `parquet:"reply_ttl"`
	ToS       *uint8  `parquet:"reply_tos"`
	IPID      *uint32 `parquet:"reply_ipid"`
	ProbeIPID *uint16 `parquet:"probe_ipid"`
	Proto     uint8   `parquet:"reply_proto"`
	ICMPType  *uint8  `parquet:"icmp_type"`
	ICMPCode  *uint8  `parquet:"icmp_code"`
	NextMTU   *uint16 `parquet:"icmp_nhmtu"`
	TCPFlags  *uint8  `parquet:"tcp_flags"`
	IfName    *string `parquet:"ifname,dict"`
}

// tracelbRow is an MDA traceroute.
type tracelbRow struct {
	origin
	FirstHop   uint8     `parquet:"first_hop"`
	Attempts   uint8     `parquet:"attempts"`
	Confidence uint8     `parquet:"confidence"`
	GapLimit   uint8     `parquet:"gap_limit"`
	WaitUS     int64     `parquet:"wait_us"`
	WaitProbe  int64     `parquet:"wait_probe_us"`
	ToS        uint8     `parquet:"tos"`
	ProbeSize  uint16    `parquet:"probe_size"`
	ProbeCount uint32    `parquet:"probe_count"`
	ProbeMax   uint32    `parquet:"probe_count_max"`
	Nodes      []nodeRow `parquet:"nodes,list"`
	Links      []linkRow `parquet:"links,list"`
}

// nodeRow is a node of the graph.
type nodeRow struct {
	Addr   *string `parquet:"addr,dict"`
	Name   *string `parquet:"name"`
	QuoTTL *uint8  `parquet:"q_ttl"`
}

// linkRow is a link of the graph. Nodes are given by their index.
type linkRow struct {
	From uint16            `parquet:"from"`
	To   *uint16           `parquet:"to"`
	Hops uint8             `parquet:"hops"`
	Sent []tracelbProbeRow `parquet:"probes,list"`
}

// tracelbProbeRow is a probe of a link.
type tracelbProbeRow struct {
	Hop     uint8             `parquet:"hop"`
	TX      int64             `parquet:"tx,timestamp(microsecond:utc)"`
	FlowID  uint16            `parquet:"flow_id"`
	TTL     uint8             `parquet:"ttl"`
	Attempt uint8             `parquet:"attempt"`
	Replies []tracelbReplyRow `parquet:"replies,list"`
}

// tracelbReplyRow is a reply to a probe of a link.
type tracelbReplyRow struct {
	Addr     string    `parquet:"addr,dict"`
	RX       int64     `parquet:"rx,timestamp(microsecond:utc)"`
	RTT      int64     `parquet:"rtt_us"`
	TTL      *uint8    `parquet:"reply_ttl"`
	IPID     *uint16   `parquet:"reply_ipid"`
	ICMPType *uint8    `parquet:"icmp_type"`
	ICMPCode *uint8    `parquet:"icmp_code"`
	QuoTTL   *uint8    `parquet:"icmp_q_ttl"`
	QuoToS   *uint8    `parquet:"icmp_q_tos"`
	TCPFlags *uint8    `parquet:"tcp_flags"`
	MPLS     []mplsRow `parquet:"mpls,list"`
}
