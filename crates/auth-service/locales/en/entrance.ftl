# The ways in and out.

landing-title = Welcome
landing-lead = Sign in, or create an account in a minute.
landing-signed-in = You are signed in as { $email }.
landing-account = Go to your account

sign-up-title = Create your account
sign-up-lead = An address and a good password are all it takes.
sign-up-password-hint = At least { $alone } characters, or { $together } with a code by mail below. A few words that only you would put together work well.
sign-up-second-step = Ask me for a code by mail when I sign in
sign-up-second-step-hint = A second step keeps others out even if they learn your password.
sign-up-action = Create account
sign-up-have-account = Already have an account?

check-mail-title = Check your mail
check-mail-lead = We have sent you a mail. Open the link in it, or type the code here.
check-mail-lead-known = We have sent a mail to { $email }. Open the link in it, or type the code here.
check-mail-action = Confirm address
check-mail-other = Use another address

prove-here-title = Confirm your address
prove-here-lead = One click, and your account is ready.
prove-here-action = Confirm address

prove-elsewhere-title = Is this you?
prove-elsewhere-lead = This is not the browser that created the account. Type the password chosen then, so that we know it is you.
prove-elsewhere-password = Password chosen at sign-up
prove-elsewhere-other-title = I do not know it, or it was not me
prove-elsewhere-other-lead = The address is yours all the same. Set a new password, and the old one is void.
prove-elsewhere-other-action = Set password and confirm

on-the-way-to-app = You are on your way to { $app }.
sign-in-title = Sign in
sign-in-action = Sign in
sign-in-forgot = Forgot your password?
sign-in-no-account = New here?

sign-in-code-title = One more step
sign-in-code-lead = We have sent a code to { $email }. It is good for a few minutes.
sign-in-code-action = Sign in
sign-in-code-back = Start over

reset-title = Set a new password
reset-lead = Tell us your address. If it has an account, we send a link and a code to it.
reset-action = Send mail
reset-back = Back to sign-in
reset-code-title = Check your mail
reset-code-lead = If the address has an account, a mail is on its way. Open the link in it, or type the code here.
reset-code-lead-known = If { $email } has an account, a mail is on its way. Open the link in it, or type the code here.
reset-again = Ask for another mail
reset-new-title = Choose a new password
reset-new-lead = Every session of your account is ended when you set it.
reset-new-action = Set password

sign-out-title = Sign out?
sign-out-lead = This ends your session here and in every app that uses it.
sign-out-action = Sign out
sign-out-stay = Stay signed in
signed-out-title = You are signed out
signed-out-lead = See you soon.
signed-out-again = Sign in again

choose-account-title = Choose an account
choose-account-continue = Continue as { $email }
choose-account-other = Use another account
choose-account-other-hint = Another account: first you are signed out of this one, and of every app that it is signed in to.

consent-title = Let this app in?
consent-lead = { $app } wants to sign you in. It asks to:
consent-account = You are signed in as { $email }.
consent-allow = Allow
consent-deny = Do not allow
scope-openid = know that it is you
scope-profile = see your name and language
scope-email = see your e-mail address
scope-offline-access = keep working for you while you are away
scope-resource = act for you at

form-post-title = Back to the app
form-post-action = Continue

app-refused-title = This app cannot sign you in
app-refused-sign-out-title = This app cannot sign you out
app-refused-advice = The app sent you here with something that is not in order. Go back and try again; if it happens again, tell whoever looks after the app what it says below.
