// Package rotadash provides the live page: what rota clients do at this moment, drawn from the Stats and Decisions that
// feed the metrics, for whoever is called at 3 a.m.
//
// A Dash is an http.Handler with everything in it: the page, its files, a stream of server-sent events, and the same as
// JSON. It calls no other host. It reads only, unless Params.Write is set or the program offers Actions.
//
//	dash, err := rotadash.New(rotadash.Params{Title: "orders"})
//	client, err := rota.New(rota.Config{Service: "users", Observer: dash.Observer(), ...})
//	err = dash.Set([]rotadash.Service{{Name: "users", Source: client, Ejector: client}})
//	err = dash.Serve(ctx, listener)
//
// Who calls pays, for each attempt, two look-ups in maps that never change and two atomic additions, and for each call the
// load of one more atomic; all else happens once a second in Run.
//
// The JSON, the limits of what is kept, and what guards the page are in docs/DASH.md.
package rotadash
