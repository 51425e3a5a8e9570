"""Ways to be paid: one module for each provider, behind `domain.payments.PaymentProvider`."""
