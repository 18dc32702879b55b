# Mails. The subject stands alone in a list of mails, so it says what it is.

mail-code-label = Your code
mail-link-fallback = If the button does not work, copy this address into your browser:
mail-not-you = If it was not you, you need do nothing.
mail-alarm = If it was not you, set a new password at once and end every session.
mail-support = Questions?
mail-why = { $brand } sent this mail because it concerns the account of this address.

mail-prove-subject = Confirm your address for { $brand }
mail-prove-title = Confirm your address
mail-prove-body =
    { $hours ->
        [one] Open the link or type the code to finish signing up. Both are good for { $hours } hour.
       *[other] Open the link or type the code to finish signing up. Both are good for { $hours } hours.
    }
mail-prove-body-link =
    { $hours ->
        [one] Open the link to finish signing up. It is good for { $hours } hour.
       *[other] Open the link to finish signing up. It is good for { $hours } hours.
    }
mail-prove-action = Confirm address

mail-registered-subject = You already have an account with { $brand }
mail-registered-title = You already have an account
mail-registered-body = Somebody, probably you, tried to sign up with this address. It has an account already: simply sign in, or set a new password if you have forgotten yours.
mail-registered-action = Sign in
mail-registered-reset = Set a new password:

mail-code-subject = Your code to sign in to { $brand }
mail-code-title = Your code to sign in
mail-code-body =
    { $minutes ->
        [one] It is good for { $minutes } minute. Nobody of us will ever ask you for it.
       *[other] It is good for { $minutes } minutes. Nobody of us will ever ask you for it.
    }
mail-code-from = It was asked for by { $device }, from the network { $network }.
mail-code-alarm = If it was not you, somebody knows your password: change it now.

mail-reset-subject = Set a new password for { $brand }
mail-reset-title = Set a new password
mail-reset-body =
    { $minutes ->
        [one] Open the link or type the code to choose a new password. Both are good for { $minutes } minute.
       *[other] Open the link or type the code to choose a new password. Both are good for { $minutes } minutes.
    }
mail-reset-action = Set a new password

mail-change-old-subject = Confirm that your { $brand } address changes
mail-change-old-title = Your address is to change
mail-change-old-body =
    { $minutes ->
        [one] Your account is to have the address { $address } from now on. Open the link or type the code to agree. Both are good for { $minutes } minute.
       *[other] Your account is to have the address { $address } from now on. Open the link or type the code to agree. Both are good for { $minutes } minutes.
    }
mail-change-new-subject = Confirm your new address for { $brand }
mail-change-new-title = Confirm your new address
mail-change-new-body =
    { $minutes ->
        [one] An account is to have this address. Open the link or type the code to confirm that it is yours. Both are good for { $minutes } minute.
       *[other] An account is to have this address. Open the link or type the code to confirm that it is yours. Both are good for { $minutes } minutes.
    }
mail-change-action = Confirm

mail-changed-subject = Your { $brand } address has changed
mail-changed-title = Your address has changed
mail-changed-body = Your account had the address { $old } and now has { $new }.

mail-password-subject = Your { $brand } password has changed
mail-password-title = Your password has changed
mail-password-body = It was changed on { $moment }. Every other session was ended.

mail-second-step-on-subject = A second step now guards your { $brand } account
mail-second-step-on-title = Second step turned on
mail-second-step-on-body = When you sign in, we ask you for a code that we send to this address.
mail-second-step-off-subject = Your { $brand } account no longer has a second step
mail-second-step-off-title = Second step turned off
mail-second-step-off-body = When you sign in, your password alone is enough. If it is too short for that, we ask for a code until you have set a longer one.

mail-deleted-subject = Your { $brand } account is deleted
mail-deleted-title = Your account is deleted
mail-deleted-body = The account and all that belonged to it is gone. Thank you for having been here.

mail-disabled-subject = Your { $brand } account is disabled
mail-disabled-title = Your account is disabled
mail-disabled-body = Whoever runs this service has disabled it, and ended every session. Nobody can sign in to it until they enable it again; ask them if you do not know why.
mail-enabled-subject = Your { $brand } account is enabled again
mail-enabled-title = Your account is enabled again
mail-enabled-body = Whoever runs this service has enabled it: you can sign in as before.
mail-sessions-ended-subject = You were signed out of { $brand } everywhere
mail-sessions-ended-title = You were signed out everywhere
mail-sessions-ended-body = Whoever runs this service has ended every session of your account. You can sign in again on each of your devices.
