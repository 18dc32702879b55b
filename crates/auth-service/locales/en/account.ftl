# The account and everything under it.

account-title = Your account
account-no-name = Not given
account-email = E-mail
account-security = Security
account-second-step = Second step
account-second-step-on = On
account-second-step-off = Off
account-sessions =
    { $count ->
        [one] Signed in on { $count } device
       *[other] Signed in on { $count } devices
    }
account-change = Change
account-change-name = Change name
account-change-email = Change e-mail
account-change-language = Change language
account-change-password = Change password
account-change-second-step = Change second step
account-show = Show
account-show-sessions = Show devices and sessions

profile-title = Name and language
profile-language-browser = As my browser says
profile-action = Save

change-email-title = Change your address
change-email-lead = Your address is { $email }. We send a code to it and one to the new address; both are needed.
change-email-field = New e-mail address
change-email-action = Send codes
change-email-pending = Your address becomes { $email } as soon as both ends are confirmed.
change-email-old = Old address
change-email-new = New address
change-email-code-old = Code from the mail to the old address
change-email-code-new = Code from the mail to the new address
change-email-prove-old = Confirm old address
change-email-prove-new = Confirm new address
change-email-proved = Confirmed
change-email-resend = Send new codes to both addresses
change-email-cancel = Cancel the change

confirm-email-title = Confirm the change
confirm-email-lead = You opened the link that confirms one end of a change of address. If you did not ask for it, close this page.
confirm-email-action = Confirm
confirm-email-refuse = No, go to my account

change-password-title = Change your password
change-password-lead = Every other session is ended when you do.
change-password-current = Current password
change-password-action = Change password

second-step-title = Second step
second-step-lead-on = When you sign in, we send a code to { $email } and ask you for it.
second-step-lead-off = A code, sent to { $email } when you sign in, keeps others out even if they learn your password.
second-step-needs-password = Your password is shorter than { $minimum } characters, which is too short to stand alone. Please set a longer one.
second-step-turn-on = Turn on
second-step-turn-off = Turn off

sessions-title = Devices and sessions
sessions-lead = Wherever you are signed in. End what you do not recognise, and change your password.
sessions-this = This device
sessions-last-use = Last used
sessions-since = Signed in on
sessions-end = End
sessions-end-named = End session: { $device }
sessions-end-others = End all others
sessions-more = Show more

delete-title = Delete account
delete-lead = The account { $email } and all that belongs to it will be gone at once. There is no way back.
delete-confirm = Yes, delete my account for good
delete-action = Delete account
delete-keep = Keep my account

confirm-identity-title = Confirm it is you
confirm-identity-lead = What you are about to do is sensitive. To go on, type the password of { $email }.
confirm-identity-action = Go on
confirm-identity-back = Back to your account

apps-title = Apps
apps-lead = These apps may sign you in. Withdraw what you no longer want: the app is signed out and has to ask again.
apps-none = You have not let any app in yet.
apps-since = Since
apps-withdraw = Withdraw
apps-withdraw-named = Withdraw access of { $app }
account-apps = { $count ->
    [one] one app
   *[other] { $count } apps
}
account-show-apps = Show apps
