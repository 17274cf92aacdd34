"""Delivery notices as servers write them, about the mail `MAIL` to `ADDRESS`, and what each says why."""

MAIL = "<01900000-0000-7000-8000-000000000001@pay.example.com>"
ADDRESS = "petra@acme.example"

POSTFIX = f"""\
Return-Path: <>
Received: by mx.pay.example.com (Postfix) id 4F1Q2w3Z; Tue, 10 Mar 2026 17:00:04 +0000 (UTC)
Date: Tue, 10 Mar 2026 17:00:04 +0000 (UTC)
From: MAILER-DAEMON@mx.pay.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: no-reply@pay.example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1Q2w3Y.1773162004/mx.pay.example.com"
Message-Id: <20260310170004.4F1Q2w3Z@mx.pay.example.com>

This is a MIME-encapsulated message.

--4F1Q2w3Y.1773162004/mx.pay.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.pay.example.com.

<{ADDRESS}>: host mail.acme.example[192.0.2.7] said: 550 5.1.1 <{ADDRESS}>:
    Recipient address rejected: User unknown (in reply to RCPT TO command)

--4F1Q2w3Y.1773162004/mx.pay.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.pay.example.com
X-Postfix-Queue-ID: 4F1Q2w3Y
X-Postfix-Sender: rfc822; no-reply@pay.example.com
Arrival-Date: Tue, 10 Mar 2026 17:00:02 +0000 (UTC)

Final-Recipient: rfc822; {ADDRESS}
Original-Recipient: rfc822;{ADDRESS}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.acme.example
Diagnostic-Code: smtp; 550 5.1.1 <{ADDRESS}>: Recipient address rejected: User
    unknown

--4F1Q2w3Y.1773162004/mx.pay.example.com
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <no-reply@pay.example.com>
Subject: Invoice NO-00001
From: Northwind <no-reply@pay.example.com>
To: Petra <{ADDRESS}>
Message-ID: {MAIL}
Auto-Submitted: auto-generated

--4F1Q2w3Y.1773162004/mx.pay.example.com--
"""

EXIM = f"""\
X-Failed-Recipients: {ADDRESS}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.net>
To: no-reply@pay.example.com
References: {MAIL}
Content-Type: multipart/report; report-type=delivery-status; boundary=1773162004-eximdsn-1804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1w0aBc-0001Xy-2Z@relay.example.net>

--1773162004-eximdsn-1804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1773162004-eximdsn-1804289383
Content-type: message/delivery-status

Reporting-MTA: dns; relay.example.net

Action: failed
Final-Recipient: rfc822;{ADDRESS}
Status: 5.0.0
Remote-MTA: dns; mail.acme.example
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

--1773162004-eximdsn-1804289383
Content-type: message/rfc822

Return-path: <no-reply@pay.example.com>
Subject: Invoice NO-00001
From: Northwind <no-reply@pay.example.com>
To: Petra <{ADDRESS}>
Message-ID: {MAIL}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==1=="

--==1==
Content-Type: text/plain

Hello Petra,
--==1==--

--1773162004-eximdsn-1804289383--
"""

EXCHANGE = f"""\
From: <postmaster@acme.example>
To: <no-reply@pay.example.com>
Date: Tue, 10 Mar 2026 17:00:09 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="01e4f6f2-6b34-4d3c-9d2f-5b1f7a8d9c10"
Content-Language: en-US
Message-ID: <c9a7@AM0PR01MB0001.eurprd01.prod.example>
In-Reply-To: {MAIL}
Subject: Undeliverable: Invoice NO-00001
Auto-Submitted: auto-replied
MIME-Version: 1.0

--01e4f6f2-6b34-4d3c-9d2f-5b1f7a8d9c10
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="f5d4"

--f5d4
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to {ADDRESS} couldn't be delivered.

--f5d4
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<html><body>Your message couldn't be delivered.</body></html>

--f5d4--

--01e4f6f2-6b34-4d3c-9d2f-5b1f7a8d9c10
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB0001.eurprd01.prod.example
Received-From-MTA: dns;mx.pay.example.com
Arrival-Date: Tue, 10 Mar 2026 17:00:08 +0000

Final-Recipient: rfc822;Petra@ACME.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {ADDRESS} not
 found by SMTP address lookup

--01e4f6f2-6b34-4d3c-9d2f-5b1f7a8d9c10
Content-Type: message/rfc822

Received: from mx.pay.example.com (192.0.2.1) by AM0PR01MB0001.eurprd01.prod.example
From: Northwind <no-reply@pay.example.com>
To: Petra <{ADDRESS}>
Subject: Invoice NO-00001
Message-ID: {MAIL}
Content-Type: text/plain

--01e4f6f2-6b34-4d3c-9d2f-5b1f7a8d9c10--
"""

GMAIL = f"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: no-reply@pay.example.com
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: {MAIL}
In-Reply-To: {MAIL}
X-Failed-Recipients: {ADDRESS}
Message-ID: <69b04d94.050a0220.1234.SMTPIN_ADDED_MISSING@mx.google.com>
Content-Type: multipart/report; boundary="000000000000f1e2d3064cafe001"; report-type=delivery-status
MIME-Version: 1.0

--000000000000f1e2d3064cafe001
Content-Type: multipart/related; boundary="000000000000f1e2da064cafe002"

--000000000000f1e2da064cafe002
Content-Type: multipart/alternative; boundary="000000000000f1e2e2064cafe003"

--000000000000f1e2e2064cafe003
Content-Type: text/plain; charset="UTF-8"

** Address not found **

--000000000000f1e2e2064cafe003--
--000000000000f1e2da064cafe002--
--000000000000f1e2d3064cafe001
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Tue, 10 Mar 2026 10:00:03 -0700 (PDT)
X-Original-Message-ID: {MAIL}

Final-Recipient: rfc822; {ADDRESS}
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (2001:db8::1b, the server for the domain acme.example.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces. - gsmtp
Last-Attempt-Date: Tue, 10 Mar 2026 10:00:03 -0700 (PDT)

--000000000000f1e2d3064cafe001
Content-Type: message/rfc822

DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=pay.example.com; s=k1
From: Northwind <no-reply@pay.example.com>
To: Petra <{ADDRESS}>
Message-ID: {MAIL}
Subject: Invoice NO-00001

----- Message truncated -----

--000000000000f1e2d3064cafe001--
"""

# Puts a Message-ID of its own into what it takes; what it does not know it leaves.
SES = f"""\
From: MAILER-DAEMON@amazonses.com
To: no-reply@pay.example.com
Subject: Delivery Status Notification (Failure)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="----=_Part_5_160.1773162005"
Message-ID: <0100019a-dsn@email.amazonses.com>

------=_Part_5_160.1773162005
Content-Type: text/plain; charset=us-ascii

An error occurred while trying to deliver the mail to the following recipients:
{ADDRESS}

------=_Part_5_160.1773162005
Content-Type: message/delivery-status

Reporting-MTA: dsn; a8-50.smtp-out.amazonses.com

Action: failed
Final-Recipient: rfc822; {ADDRESS}
Diagnostic-Code: smtp; 550 5.4.1 Recipient address rejected: Access denied
Status: 5.4.1

------=_Part_5_160.1773162005
Content-Type: message/rfc822

X-Remit-Mail: {MAIL}
Message-ID: <0100019a-0000@email.amazonses.com>
From: Northwind <no-reply@pay.example.com>
To: Petra <{ADDRESS}>

------=_Part_5_160.1773162005--
"""

CORPUS: dict[str, tuple[str, str]] = {
    "Postfix": (POSTFIX, f"550 5.1.1 <{ADDRESS}>: Recipient address rejected: User unknown"),
    "Exim": (EXIM, "552 5.2.2 Mailbox full"),
    "Exchange": (
        EXCHANGE,
        f"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {ADDRESS} not found by SMTP address lookup",
    ),
    "Gmail": (
        GMAIL,
        "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 "
        "double-checking the recipient's email address for typos or 550 5.1.1 unnecessary spaces. - gsmtp",
    ),
    "Amazon SES": (SES, "550 5.4.1 Recipient address rejected: Access denied"),
}
DELAYED = EXIM.replace("Action: failed", "Action: delayed").replace(
    "552 5.2.2 Mailbox full", "451 4.7.1 Greylisted"
)
