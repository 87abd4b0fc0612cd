package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve/internal/bell"
)

// Resolver finds the instances of a service in a file. Set Path; every other field may stay zero. The fields must not change
// after the first use, and the struct must not be copied. Methods may be called concurrently, and several Clients may
// share a Resolver: each reads for itself.
type Resolver struct {
	// Path of the file, or of a symbolic link to it.
	Path string

	// Interval is the pause between two looks at the file. Default 1 s.
	Interval time.Duration

	// OnError is told what is wrong with the file while what it said before stays in use, once until something else is
	// wrong or it is right again; nil = nobody is. (What is wrong at first is what Resolve returns.) It is called from
	// Resolve and must be quick.
	OnError func(error)

	bell bell.Bell
}

const (
	defaultInterval = time.Second
	// minInterval is the least pause that Refresh leaves between two looks.
	minInterval = 100 * time.Millisecond
	// settling is how long new content must stay as it is: somebody may be in the middle of writing it.
	settling = 50 * time.Millisecond

	maxSize = 8 << 20
)

// Validate returns an error that names the field that is wrong, and nil if there is none. It does not look at the file.
func (r *Resolver) Validate() error {
	switch {
	case r.Path == "":
		return errors.New("file: Path is empty, want the path of a file with addresses")
	case r.Interval < 0:
		return fmt.Errorf("file: Interval = %v, want 0 (the default) or more", r.Interval)
	}
	return nil
}

// Resolve implements rota.Resolver. It returns early only if a field is wrong, or the file is at the first look, with the
// reason. From then on it stays until ctx ends, and calls update after every look at a file that is right, changed or
// not, so that the age of the set is the age of what is known. New content counts when it has stayed the same for
// 50 ms; only the first is taken at once. A file system that hangs delays the return.
func (r *Resolver) Resolve(ctx context.Context, update func([]rota.Instance)) error {
	if err := r.Validate(); err != nil {
		return err
	}
	w := watch{path: r.Path, onError: r.OnError}
	if err := w.begin(); err != nil {
		return err
	}
	update(w.set)
	interval := r.Interval
	if interval == 0 {
		interval = defaultInterval
	}
	rung := r.bell.Next()
	for {
		start := time.Now()
		early, err := bell.Wait(ctx, start.Add(interval), rung)
		if early {
			_, err = bell.Wait(ctx, start.Add(min(minInterval, interval)), nil)
		}
		if err != nil {
			return err
		}
		rung = r.bell.Next()
		good, err := w.look(ctx)
		if err != nil {
			return err
		}
		if good {
			update(w.set)
		}
	}
}

// Refresh implements rota.Refresher: the next look at the file is now, or 100 ms after the last one. It never blocks. Without a
// Resolve under way it does nothing: Resolve begins with a look.
func (r *Resolver) Refresh() { r.bell.Ring() }

// watch is what is known of a file.
type watch struct {
	path    string
	onError func(error)

	content []byte          // of the last file that was right
	set     []rota.Instance // what it says
	wrong   string          // what onError was told last; "" = the file is right
}

func (w *watch) begin() error {
	content, err := read(w.path)
	if err != nil {
		return err
	}
	return w.take(content)
}

// look reports whether the file is right. It fails only if ctx ends.
func (w *watch) look(ctx context.Context) (bool, error) {
	content, err := read(w.path)
	if err == nil && !bytes.Equal(content, w.content) {
		if _, err := bell.Wait(ctx, time.Now().Add(settling), nil); err != nil {
			return false, err
		}
		var again []byte
		switch again, err = read(w.path); {
		case err == nil && bytes.Equal(again, content):
			err = w.take(content)
		case err == nil:
			err = fmt.Errorf("file: %s is being written, so it is read again later", w.path)
		}
	}
	w.tell(err)
	return err == nil, nil
}

func (w *watch) take(content []byte) error {
	set, err := parse(w.path, content)
	if err != nil {
		return err
	}
	w.content, w.set = content, set
	return nil
}

// tell tells of what is wrong, once.
func (w *watch) tell(err error) {
	now := ""
	if err != nil {
		now = err.Error()
	}
	if now != "" && now != w.wrong && w.onError != nil {
		w.onError(err)
	}
	w.wrong = now
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	if !info.Mode().IsRegular() { // to open a named pipe would wait for a writer
		return nil, fmt.Errorf("file: %s is no regular file (%v), want one with addresses", path, info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file: %w", err)
	case len(content) > maxSize:
		return nil, fmt.Errorf("file: %s has more than %d MiB, want a list of addresses", path, maxSize>>20)
	}
	return content, nil
}

var _ rota.Refresher = (*Resolver)(nil)
