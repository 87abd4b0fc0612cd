// A link to a decision survives the login: where the form leads, the reply's redirect keeps the fragment of.
document.getElementById("login").action = "/login" + location.hash;
