// What the page says, in both languages.
export const WORDS = {
  en: {
    title: "Pickup", other: "中文", signIn: "Sign in", signOut: "Sign out", storeCode: "Store", username: "Name",
    password: "Password", developmentHelp: "In development a store is enough.", handOver: "Hand over",
    codeHint: "Code or QR", look: "Look up", camera: "Camera", collect: "Hand over now", queue: "Queue",
    empty: "Nothing waits.", live: "Live", offline: "Connection lost, trying again …", prepare: "Start picking", ready: "Ready",
    shelf: "Shelf", lies: (shelf) => `Shelf ${shelf}`, done: (number) => `Order ${number} was handed over.`,
    attempts: (left) => (left === 1 ? "1 try left" : `${left} tries left`), elsewhere: (store) => `It waits in ${store}.`,
    collected: (by, at) => `By ${by}, ${at}.`, until: (at) => `Until ${at}.`, failed: "That did not work; please try again.",
    states: { REQUESTED: "to be picked", PREPARING: "being picked", READY: "ready", COLLECTED: "handed over", EXPIRED: "expired", CANCELLED: "cancelled" },
  },
  zh: {
    title: "自提", other: "English", signIn: "登录", signOut: "退出", storeCode: "门店", username: "用户名",
    password: "密码", developmentHelp: "开发环境只需填写门店。", handOver: "交付",
    codeHint: "取货码或二维码", look: "查询", camera: "摄像头", collect: "确认交付", queue: "待办",
    empty: "没有待取订单。", live: "实时", offline: "连接中断，正在重试……", prepare: "开始备货", ready: "备好",
    shelf: "货架", lies: (shelf) => `货架 ${shelf}`, done: (number) => `订单 ${number} 已交付。`,
    attempts: (left) => `还可尝试 ${left} 次`, elsewhere: (store) => `该订单在${store}取货。`,
    collected: (by, at) => `${by}，${at}。`, until: (at) => `至 ${at}。`, failed: "操作失败，请重试。",
    states: { REQUESTED: "待备货", PREPARING: "备货中", READY: "待取货", COLLECTED: "已交付", EXPIRED: "已过期", CANCELLED: "已取消" },
  },
};
