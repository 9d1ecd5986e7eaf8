"""The registry of metrics: one file each, one line here, one table in the policies."""

from monitor.core.metrics import (
    contact_response_rate,
    late_shipment_rate,
    on_time_delivery_rate,
    order_defect_rate,
    perfect_order_rate,
    policy_violations,
    pre_fulfilment_cancel_rate,
    refund_rate,
    return_dissatisfaction_rate,
    service_dissatisfaction_rate,
    valid_tracking_rate,
)
from monitor.core.metrics.metric import Metric

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        contact_response_rate.METRIC,
        late_shipment_rate.METRIC,
        on_time_delivery_rate.METRIC,
        order_defect_rate.METRIC,
        perfect_order_rate.METRIC,
        policy_violations.METRIC,
        pre_fulfilment_cancel_rate.METRIC,
        refund_rate.METRIC,
        return_dissatisfaction_rate.METRIC,
        service_dissatisfaction_rate.METRIC,
        valid_tracking_rate.METRIC,
    )
}
