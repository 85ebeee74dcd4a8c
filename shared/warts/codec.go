package warts

// codec is how a type of record is read and written.
type codec struct {
	read  func(*decoder) Record
	write func(*body, Record)
	group func(Record) (*List, *Cycle)
}

// codecs has the types of records that belong to a list and a cycle.
var codecs = [...]*codec{
	TypeTrace:         &traceCodec,
	TypePing:          &pingCodec,
	TypeTracelb:       &tracelbCodec,
	TypeDealias:       &dealiasCodec,
	TypeNeighbourdisc: &neighbourdiscCodec,
	TypeTbit:          &tbitCodec,
	TypeSting:         &stingCodec,
	TypeSniff:         &sniffCodec,
	TypeHost:          &hostCodec,
	TypeHTTP:          &httpCodec,
	TypeUDPProbe:      &udpprobeCodec,
	TypeOWAMP:         &owampCodec,
}

// codecOf returns the codec of a type, nil if it is unknown or not one of measurements.
func codecOf(t Type) *codec {
	if int(t) < len(codecs) {
		return codecs[t]
	}
	return nil
}

// decode decodes a record's body. What a known type doesn't use up is kept.
func (d *decoder) decode(t Type) Record {
	switch t {
	case TypeList:
		return d.readList()
	case TypeCycleStart:
		return d.readCycle(CycleStart)
	case TypeCycleDef:
		return d.readCycle(CycleDef)
	case TypeCycleStop:
		return d.readCycleStop()
	case TypeAddress:
		return d.readAddress()
	}
	if c := codecOf(t); c != nil {
		return c.read(d)
	}
	return &Unknown{RecordType: t, Body: d.bytes(len(d.buf))}
}
