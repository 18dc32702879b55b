# The frame of every page, and words that several pages use.

skip-to-content = Skip to content
title-problem = Error:
summary-title = Please check this
language-label = Language
support-contact = Need help?
support-id = Support id
nav-account = Account

field-name = Name
field-optional = (optional)
field-email = E-mail address
field-password = Password
field-new-password = New password
field-password-hint = At least { $minimum } characters. A few words that only you would put together are easy to keep in mind.
field-code = Code from the mail
field-code-hint = Six digits.
field-language = Language

# What is said of a new password as it is typed: how easy it is to guess, and why.
strength-weak = Easy to guess.
strength-fair = Somebody who tries hard could guess it.
strength-strong = Hard to guess.
strength-keys = Keys in a row are tried first.
strength-repeat = The same over and over is tried first.
strength-sequence = Characters that follow one another are tried first.
strength-date = Dates and years are tried first.
strength-common = It is like a password that many people have.
strength-word = A single word is tried first.
strength-name = Names are tried first.
strength-own = It has to do with you or with this service.

resend-question = No mail yet?
resend-action = Send a new code

duration-seconds =
    { $count ->
        [one] { $count } second
       *[other] { $count } seconds
    }
duration-minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
ago-moment = just now
ago-minutes =
    { $count ->
        [one] { $count } minute ago
       *[other] { $count } minutes ago
    }
ago-hours =
    { $count ->
        [one] { $count } hour ago
       *[other] { $count } hours ago
    }
ago-days =
    { $count ->
        [one] yesterday
       *[other] { $count } days ago
    }
moment-unknown = at an unknown time
moment =
    { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }, { $time } UTC

device-browser-on-system = { $browser } on { $system }
device-unknown = Unknown device

notice-address-proved = Your address is confirmed. Welcome.
notice-code-sent = If a mail can be sent to that address now, a new code is on its way.
notice-profile-saved = Saved.
notice-password-changed = Your password is changed. Every other session was ended.
notice-password-reset = Your new password is set. Please sign in with it.
notice-address-changed = Your account has its new address.
notice-address-half-proved = One address is confirmed. The other one is still to come.
notice-no-change-under-way = There is no change to cancel: it is done, or was cancelled before. The address of your account is shown below.
notice-address-change-cancelled = The change is cancelled. Your address stays as it was.
notice-second-step-on = From now on we ask for a code by mail when you sign in.
notice-second-step-off = We no longer ask for a code when you sign in.
notice-session-ended = That session is ended.
notice-other-sessions-ended = Every other session is ended.
notice-already-done = This was done before, and once is enough. If you chose a password, the first one counts.
notice-account-deleted = Your account is deleted.

error-home = To the start page
error-expired-title = This has expired
error-expired-advice = The link or the page was used already, replaced by a newer one, or is too old. If it has done its work already, just sign in. If not, begin again where you asked for the mail, and we send you a fresh one.
error-expired-signed-in = The link or the page was used already, replaced by a newer one, or is too old. You are signed in, so you may just go on.
error-too-many-tries-title = Too many tries
error-too-many-tries-advice = To keep accounts safe we pause here. Please come back in { $duration }; nothing is lost.
error-not-found-title = There is no such page
error-not-found-advice = The address may be mistyped, or the page has moved.
error-method-not-allowed-title = This page cannot do that
error-method-not-allowed-advice = Go back, load the page again and retry.
error-forbidden-title = This request came from elsewhere
error-forbidden-advice = The form was sent by another website, so we did nothing. If it was you, open our page anew and try there.
error-misdirected-title = This is not our address
error-misdirected-advice = This server answers to its own address alone, so that nobody can put a website of theirs in its place. Open it here:
error-unavailable-title = We will be right back
error-unavailable-advice = Something we depend on does not answer at the moment. Nothing is lost; please try again in a minute.
error-uncertain-title = We cannot tell whether this was done
error-uncertain-advice = Something we depend on was lost just as this was saved. It may have been done or not: please look in a minute, before you try again.
error-too-large-title = That was too much
error-too-large-advice = The form held more than we accept. Please go back and shorten what you wrote.
error-bad-request-title = We could not read that
error-bad-request-advice = The form reached us damaged or incomplete. Please go back, load the page again and retry.
error-internal-title = Something went wrong here
error-internal-advice = The fault is ours. Please try again; if it happens again, tell us the support id below.
notice-app-withdrawn = The app may no longer sign you in.
notice-other-account = Somebody else has signed in here meanwhile, so nothing was done: see whose account it is now.
