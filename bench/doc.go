// Package bench holds what compares rota with other systems and what needs foreign modules or servers; it has no API.
//
// Its tests start real processes and carry the build tag integration: make compare prints the defects of go-kit's stringsvc3
// tutorial beside our answers, make bench the speeds.
package bench
