package sim

// Racing says that the race detector is on.
const Racing = worlds < 80
