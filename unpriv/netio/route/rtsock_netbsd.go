package route

// rtfLocal is RTF_LOCAL of NetBSD's net/route.h (since NetBSD 8): an own address.
const rtfLocal = 0x40000
