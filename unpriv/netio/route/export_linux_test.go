package route

// CopyNow makes the copy of the IPv4 routes, if there is none, without the wait.
func (t *Table) CopyNow() { t.copyNow(&t.v4) }

// CopyNow6 makes the copy of the IPv6 routes, likewise.
func (t *Table) CopyNow6() { t.copyNow(&t.v6) }

func (t *Table) copyNow(c *copied) {
	if c.fib == nil {
		c.asks, c.nextCopy = asksBeforeCopy, 0
		t.makeCopy(c)
	}
	c.from = 0
}
