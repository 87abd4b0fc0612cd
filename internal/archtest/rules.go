package archtest

var rules = []Rule{
	{"layers", "imports point down only, and adapters never import each other: else nobody can use or change one part alone", checkLayers},
	{"foreign modules", "the root module is standard library only, tests included: a user of rota gets no dependency he did not ask for", checkForeign},
	{"modules", "a module outside go.work, or without a directory of its path, is one that nobody builds or tests", checkModules},
	{"pure files", "the core decides and the driver acts: time, randomness and outcomes are arguments, so that the simulator runs what ships and a test is a table", checkPure},
	{"one doc comment", "two package comments are joined by go doc in file order, and none says nothing", checkDoc},
	{"file size", "a longer file holds more than one thing", checkSize},
	{"no init", "what runs before main cannot be tested, ordered or left out", checkInit},
	{"no package state", "two clients in one process, or two tests, must not meet in a variable", checkState},
	{"no sleep in tests", "a real sleep is slow when it is right and flaky when it is not: wait in a testing/synctest bubble", checkSleep},
}

// maxLines is the limit of STYLE rule 1. About 150 lines is good, 350 raises a question.
const maxLines = 500

// layer is a set of groups; a group is a directory with everything below it.
type layer struct {
	name   string
	groups []string
}

// layers, lowest first. A package may import from its own group and from lower layers, nothing else of ours; its tests too.
// A directory in no layer is a violation: say here where it belongs.
var layers = []layer{
	{"internal", []string{"internal"}},
	{"root", []string{"."}},
	{"config", []string{"config"}}, // what users write in files about calls
	{"rotahttp", []string{"rotahttp"}},
	{"adapters, resolve, sim", []string{"rotaprom", "rotaotel", "rotagrpc", "rotakit", "rotadash", "resolve", "sim"}},
	{"programs", []string{"cmd", "stringsvc"}},
	{"bench", []string{"bench"}}, // compares what the others ship, and is never tagged
}

// pureFiles are the patterns (path.Match) of files that decide and do not act; tests are not meant.
var pureFiles = []struct {
	pattern string
	exists  bool // a rename must not switch the rule off
}{
	{"call.go", true},
	{"cluster.go", true},
	{"node.go", true},
	{"plan.go", true},
	{"balance.go", true},
	{"roundrobin.go", true},
	{"p2c.go", true},
	{"learn.go", false},
	{"random.go", false},
	{"weighted.go", false},
	{"leastloaded.go", false},
	{"peakewma.go", false},
	{"prequal.go", false},
	{"prequal_*.go", false},
	{"c3.go", false},
	{"linear.go", false},
	{"yarp.go", false},
	{"average.go", false},
	{"echo.go", false},
	{"echo_*.go", false},
	{"seldom.go", false},
	{"hash.go", false},
	{"rendezvous.go", false},
	{"ring.go", false},
	{"maglev.go", false},
	{"bounded.go", false},
	{"zone.go", false},
	{"subset.go", false},
	{"throttle.go", false},
	{"policy.go", true},
	{"plan_*.go", false},
	{"health.go", false},
	{"sweep.go", false},
	{"update.go", false},
	{"apply.go", false},
	{"terms.go", false},
	{"route.go", false},
	{"budget.go", false},
	{"latency.go", false},
	{"stats.go", false},
	{"decision.go", false},
	{"recorder.go", false},
	{"observer.go", false},
	{"internal/breaker/*.go", false},
	{"internal/budget/*.go", false},
	{"internal/ewma/*.go", false},
	{"internal/hist/*.go", false},
	{"internal/limit/*.go", false},
	{"internal/outlier/*.go", false},
	{"internal/rate/*.go", false},
	{"internal/report/*.go", false},
	{"internal/window/*.go", false},
}

// impureImports may not be imported by a pure file.
var impureImports = map[string]string{
	"context":     "a deadline comes in as a time, a cancel as an outcome",
	"crypto/rand": "randomness comes in",
	"log":         "the library never logs",
	"log/slog":    "the library never logs",
	"math/rand":   "use a math/rand/v2 Source that came in",
	"net":         "no I/O",
	"net/http":    "no I/O, and no HTTP type in the core",
	"os":          "no I/O",
	"os/exec":     "no I/O",
	"os/signal":   "no I/O",
	"syscall":     "no I/O",
}

// impureFuncs may not be named by a pure file, neither called nor passed on.
var impureFuncs = map[string]struct {
	names []string
	why   string
}{
	"time": {
		[]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
		"time comes in as an argument",
	},
	"math/rand/v2": {
		[]string{
			"ExpFloat64", "Float32", "Float64", "Int", "Int32", "Int32N", "Int64", "Int64N", "IntN", "N", "NormFloat64",
			"Perm", "Shuffle", "Uint", "Uint32", "Uint32N", "Uint64", "Uint64N", "UintN",
		},
		"the process's generator cannot be seeded: randomness comes in",
	},
}

// stateTypes of a package-level variable are there to be changed. sync.Pool is not among them: what it holds has no
// meaning.
var stateTypes = map[string][]string{
	"sync":        {"Cond", "Map", "Mutex", "Once", "RWMutex", "WaitGroup"},
	"sync/atomic": {"Bool", "Int32", "Int64", "Pointer", "Uint32", "Uint64", "Uintptr", "Value"},
}
