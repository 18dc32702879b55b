const { UserManager } = oidc;

export const keyward = new UserManager({
  authority: "https://auth.example.com",
  client_id: "board",
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: "openid profile email",
  loadUserInfo: true,
});

const main = document.querySelector("#main");

function show(tag, text, act) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (act) element.addEventListener("click", act);
  main.append(element);
}

const query = new URLSearchParams(location.search);
if (query.has("state")) {
  // Back from signing in or out. A person who said no comes out here as an exception, too.
  const finished = query.has("code") || query.has("error")
    ? keyward.signinRedirectCallback()
    : keyward.signoutRedirectCallback();
  await finished.catch((error) => show("p", error.message));
  history.replaceState(null, "", "/");
}

const person = await keyward.getUser();
if (person && !person.expired) {
  show("p", `You are ${person.profile.name ?? person.profile.email} (${person.profile.email}).`);
  show("button", "Sign out", () => keyward.signoutRedirect());
} else {
  show("button", "Sign in", () => keyward.signinRedirect());
}
