package resolve_test

import (
	"fmt"

	"github.com/rota-go/rota"
	"github.com/rota-go/rota/resolve"
	"github.com/rota-go/rota/resolve/dns"
)

func ExampleParse() {
	r, err := resolve.Parse("dns://10.0.0.53/users.internal:443?scheme=https")
	if err != nil {
		panic(err)
	}
	fmt.Println(r.(*dns.Resolver).Name, "of", r.(*dns.Resolver).Server)

	r, err = resolve.Parse("static:///10.0.0.1:8080,10.0.0.2:8080?path=/v2")
	for _, inst := range r.(rota.Static) {
		fmt.Println(inst.Addr, err)
	}

	_, err = resolve.Parse("dns://users.internal:8080")
	fmt.Println(err)
	// Output:
	// users.internal:443 of 10.0.0.53
	// http://10.0.0.1:8080/v2 <nil>
	// http://10.0.0.2:8080/v2 <nil>
	// resolve: target "dns://users.internal:8080": nothing after the third slash; is ///users.internal:8080 meant?
}
