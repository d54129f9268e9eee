// Package selfcheck asks the systems outside whether what the server was given is right: the app's key and id, its
// permissions and events, the credentials of the registries. What it finds says how to mend it.
//
// A Board keeps what was found, beside what work met on its way: health and metrics show both.
package selfcheck
