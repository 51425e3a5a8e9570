"""The schema: every area's fields gathered under the three roots."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type

from resolvers import channels, footfall, live, nodes
from resolvers.attribution import reports as attribution
from resolvers.attribution import touches
from resolvers.carts import cart as carts
from resolvers.carts import setting as cart_setting
from resolvers.catalog import listing as product_list
from resolvers.catalog import products as catalog
from resolvers.catalog import setting as product_setting
from resolvers.inventory import lists as stock_lists
from resolvers.inventory import setting as stock_setting
from resolvers.inventory import stock as inventory
from resolvers.labels import binding as label_binding
from resolvers.labels import enrolment
from resolvers.labels import integrity as label_integrity
from resolvers.labels import labels as shelf_labels
from resolvers.labels import live as device_live
from resolvers.labels import reporting as label_reporting
from resolvers.labels import work as label_work
from resolvers.labels.devices import PlainDevice
from resolvers.loyalty import coupon_setting, coupons, programme_setting
from resolvers.members import privacy, sign_in, staff, tiers, tokens, wechat
from resolvers.members import reading as members
from resolvers.orders import checkout
from resolvers.orders import listing as order_list
from resolvers.orders import live as order_live
from resolvers.orders import moves as order_moves
from resolvers.orders import order as orders
from resolvers.orders import recording as order_recording
from resolvers.orders.refusals import InsufficientStockError, PriceChangedError, TotalChangedError
from resolvers.partners import partner as partners
from resolvers.partners import publishing, webhook_setting
from resolvers.partners import setting as partner_setting
from resolvers.pickup import counter as pickup_counter
from resolvers.pickup import live as pickup_live
from resolvers.pickup import moves as pickup_moves
from resolvers.pickup import offline as pickup_offline
from resolvers.pickup import pickup
from resolvers.pickup.counter import PickupCodeError
from resolvers.pricing import setting as price_setting
from resolvers.promotions import running as promotions
from resolvers.promotions import setting as promotion_setting
from resolvers.scalars import SCALARS
from resolvers.shapes import PlainUserError
from resolvers.stores import listing as store_list
from resolvers.stores import store as stores

QUERIES: list[Any] = [
    nodes.node,
    nodes.nodes,
    channels.channels,
    stores.store,
    store_list.stores,
    catalog.category,
    catalog.product,
    product_list.products,
    catalog.variant,
    catalog.variants,
    inventory.stock_levels,
    stock_lists.stock_movements,
    stock_lists.stock_oversold,
    promotions.promotions,
    promotions.promotions_running,
    members.me,
    members.member,
    tiers.tiers,
    carts.cart,
    coupons.points_offers,
    programme_setting.points_programmes,
    programme_setting.earn_rules,
    coupon_setting.coupon_campaign,
    orders.order,
    order_list.orders,
    pickup.pickups,
    pickup_offline.pickup_offline_key,
    partners.partner,
    shelf_labels.device,
    shelf_labels.label_models,
    shelf_labels.labels,
    touches.touch_code,
    touches.touch_codes,
    touches.touch_sheet,
    attribution.attribution_rules,
    attribution.attribution_report,
    footfall.footfall,
    label_work.label_snapshot,
    label_integrity.shelf_integrity,
]
MUTATIONS: list[Any] = [
    sign_in.sign_in_code_request,
    sign_in.sign_in,
    wechat.wechat_sign_in,
    wechat.wechat_link,
    tokens.token_refresh,
    tokens.sign_out,
    staff.staff_sign_in,
    privacy.consent_set,
    privacy.member_name_set,
    privacy.member_erase,
    product_setting.products_set,
    price_setting.prices_set,
    price_setting.price_end,
    promotion_setting.promotions_set,
    promotion_setting.promotion_end,
    inventory.stock_adjust,
    inventory.stock_count,
    stock_setting.stock_allot,
    stock_setting.safety_stock_set,
    stock_setting.low_stock_set,
    stock_setting.stock_transfer,
    cart_setting.cart_create,
    cart_setting.cart_lines_set,
    cart_setting.cart_fulfilment_set,
    cart_setting.cart_coupon_apply,
    cart_setting.cart_points_set,
    cart_setting.cart_touch_add,
    coupons.coupon_redeem,
    coupons.coupon_claim,
    programme_setting.points_programme_set,
    programme_setting.earn_rules_set,
    coupon_setting.coupon_campaign_set,
    coupon_setting.points_offer_set,
    checkout.checkout,
    checkout.order_pay,
    order_recording.order_record,
    order_moves.order_ship,
    order_moves.order_deliver,
    order_moves.order_cancel,
    order_moves.order_return,
    pickup_moves.pickup_prepare,
    pickup_moves.pickup_ready,
    pickup_counter.pickup_verify,
    pickup_counter.pickup_collect,
    pickup_offline.pickup_settle,
    pickup_moves.pickup_code_rotate,
    partner_setting.partner_create,
    partner_setting.partner_set,
    partner_setting.api_key_rotate,
    partner_setting.api_key_revoke,
    publishing.operations_publish,
    webhook_setting.webhook_create,
    webhook_setting.webhook_set,
    webhook_setting.webhook_replay,
    enrolment.device_register,
    enrolment.device_secret_rotate,
    enrolment.device_retire,
    enrolment.device_sign_in,
    label_binding.label_bind,
    label_binding.label_unbind,
    touches.touch_codes_issue,
    touches.touch_code_revoke,
    attribution.attribution_rule_set,
    attribution.attribution_recompute,
    footfall.sensor_readings_report,
    label_work.gateway_claim,
    label_work.label_flash,
    label_reporting.labels_report,
    label_reporting.label_confirm_by_hand,
]
SUBSCRIPTIONS: list[Any] = [
    live.price_changed,
    live.stock_changed,
    order_live.order_changed,
    pickup_live.pickup_queue_changed,
    device_live.device_changed,
    label_work.label_work,
]


def _without_null_defaults(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with optional arguments simply left out: Strawberry would print each as `= null`."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            for given in kind.fields.values():
                if given.default_value is None:
                    given.default_value = Undefined
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for answered in kind.fields.values():
                for argument in answered.args.values():
                    if argument.default_value is None:
                        argument.default_value = Undefined
    return schema


def build_schema() -> GraphQLSchema:
    """The executable schema; its resolvers expect a `resolvers.context.Context`."""
    built = strawberry.Schema(
        query=create_type("Query", QUERIES),
        mutation=create_type("Mutation", MUTATIONS),
        subscription=create_type("Subscription", SUBSCRIPTIONS),
        # Reachable through their interface only.
        types=[
            PlainUserError,
            InsufficientStockError,
            PriceChangedError,
            TotalChangedError,
            PickupCodeError,
            PlainDevice,
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    return _without_null_defaults(built._schema)


def printed(schema: GraphQLSchema) -> str:
    """The schema as `schema.graphql` holds it."""
    return print_schema(schema) + "\n"
