# The events of SES for FEEDBACK_QUEUE: a topic, a queue that only this topic may fill, and the event destination of an
# existing configuration set; see docs/feedback.md.

variable "configuration_set" {
  type        = string
  description = "The name of the SES configuration set, as in CONFIGURATION_SET"
}

resource "aws_sns_topic" "mail_events" {
  name = "report-mail-events"
}

resource "aws_sqs_queue" "mail_events" {
  name                       = "report-mail-events"
  message_retention_seconds  = 1209600 # 14 days
  visibility_timeout_seconds = 120
  sqs_managed_sse_enabled    = true
}

data "aws_caller_identity" "here" {}

data "aws_iam_policy_document" "topic" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.mail_events.arn]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "AWS:SourceAccount"
      values   = [data.aws_caller_identity.here.account_id]
    }
  }
}

data "aws_iam_policy_document" "queue" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.mail_events.arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.mail_events.arn]
    }
  }
}

resource "aws_sns_topic_policy" "mail_events" {
  arn    = aws_sns_topic.mail_events.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sqs_queue_policy" "mail_events" {
  queue_url = aws_sqs_queue.mail_events.id
  policy    = data.aws_iam_policy_document.queue.json
}

resource "aws_sns_topic_subscription" "mail_events" {
  topic_arn = aws_sns_topic.mail_events.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.mail_events.arn
}

resource "aws_sesv2_configuration_set_event_destination" "mail_events" {
  configuration_set_name = var.configuration_set
  event_destination_name = "report-mail-events"

  event_destination {
    enabled              = true
    matching_event_types = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY"]
    sns_destination {
      topic_arn = aws_sns_topic.mail_events.arn
    }
  }
  depends_on = [aws_sns_topic_policy.mail_events]
}

output "feedback_queue" {
  description = "The value of SCHEDULED_REPORTS__FEEDBACK_QUEUE"
  value       = aws_sqs_queue.mail_events.url
}
