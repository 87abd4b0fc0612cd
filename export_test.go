package rota

import (
	"time"
	"unsafe"
)

// Admits lets tests ask what a picker would be told.
func (cl *Cluster) Admits(n *Node, now time.Time) bool {
	return n.admits(cl.since(now), &cl.rules, strict) == admitted
}

// NodeSize is what a Node takes before its first call.
const NodeSize = unsafe.Sizeof(Node{})
