package route

// CopyNow makes the copy of the routes, if there is none, without the wait.
func (t *Table) CopyNow() {
	if t.fib == nil {
		t.asks, t.nextCopy = asksBeforeCopy, 0
		t.makeCopy()
	}
}
