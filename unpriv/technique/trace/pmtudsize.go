package trace

// plateaus are packet sizes that links are known to have, in bytes: where a search begins, since the limit is most
// probably one of them (RFC 1191 section 7.1, extended).
var plateaus = [...]int{
	68, 296, 508, 512, 544, 552, 576, 1006, 1280, 1454, 1480, 1492, 1500, 1514, 1536, 2002, 2048, 4352, 4464, 4470,
	8166, 9000, 9192, 16110, 17914, 65535,
}

// sizeSearch looks for the largest size that gets through: lower does (or -1: nothing is known to), upper does not.
type sizeSearch struct {
	lower, upper int
	at           int // index of the plateau tried last
	size         int // to try now
	in           int // size that set off the search
}

// newSizeSearch begins a search below a size that failed.
func newSizeSearch(failed int) *sizeSearch {
	s := &sizeSearch{lower: -1, upper: failed, in: failed}
	want := failed - 1
	switch {
	case failed > 1500:
		want = 1500
	case failed > 1454:
		want = 1454
	}
	for i, p := range plateaus {
		if p <= want {
			s.at = i
		}
	}
	s.size = plateaus[s.at]
	return s
}

// narrow sets the bounds and chooses the size to try next. found is true when there is none between them.
func (s *sizeSearch) narrow(lower, upper int) (found bool) {
	s.lower, s.upper = lower, upper
	if lower+1 >= upper {
		return true
	}
	here := plateaus[s.at]
	above := 1 << 16
	if s.at+1 < len(plateaus) {
		above = plateaus[s.at+1]
	}
	switch {
	case lower == 1500 || lower == here && upper <= above:
		// A plateau that gets through is most probably the limit itself.
		s.size = lower + 1
	case lower >= here && above < upper:
		s.at++
		s.size = plateaus[s.at]
	case upper == here && s.at > 0 && lower < plateaus[s.at-1]:
		s.at--
		s.size = plateaus[s.at]
	default:
		s.size = (lower + upper) / 2
	}
	return false
}
